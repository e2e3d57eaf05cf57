import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatDuration } from '../duration.ts';
import { MODES } from './document.ts';
import { HELPERS } from './helpers.ts';
import { PROFILES } from './profiles.ts';
import { readPolicy } from './read.ts';
import { aboutTimeout, KNOWN_TIMEOUT_KEYS } from './settings.ts';
import { WARNING_CODES } from './warnings/warning.ts';

const TEXT = readFileSync(path.join(import.meta.dirname, '../../../docs/policies.md'), 'utf8');

describe('docs/policies.md', () => {
  it('has an example that is a policy', () => {
    const [example] = /^ {4}apiVersion:[^]*?\n\n/m.exec(TEXT) ?? [''];
    expect(readPolicy(example)).toMatchObject({ document: { metadata: { name: 'busy-nat' }, spec: { rules: { length: 3 } } } });
  });

  it('lists every timeout with its file, its default and what the profiles make of it', () => {
    const inProfile = (seconds: number | undefined): string => (seconds === undefined ? '' : formatDuration(seconds));
    const lines = KNOWN_TIMEOUT_KEYS.map((key) => {
      const { setting, defaultSeconds } = aboutTimeout(key)!;
      const cells = [
        `\`${key}\``,
        `\`${setting.replace('nf_conntrack_', '')}\``,
        formatDuration(defaultSeconds),
        inProfile(PROFILES.normal[key]),
        inProfile(PROFILES['busy-nat'][key]),
      ];
      return `| ${cells.join(' | ')} |`;
    });
    expect(lines.filter((line) => !TEXT.includes(line))).toEqual([]);
  });

  it('names every mode, helper and warning', () => {
    const words = [...MODES.map((mode) => `mode: ${mode}`), ...Object.keys(HELPERS), ...WARNING_CODES];
    expect(words.filter((word) => !TEXT.includes(`\`${word}\``))).toEqual([]);
  });
});
