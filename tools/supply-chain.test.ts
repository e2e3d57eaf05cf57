import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { supplyChainProblems, type Lock, type Manifest } from './supply-chain.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8');

describe('F39: third-party code', () => {
  it('is what was reviewed: exact versions, SHA-512 of each package, no install scripts', () => {
    expect(
      supplyChainProblems(
        JSON.parse(read('package.json')) as Manifest,
        JSON.parse(read('package-lock.json')) as Lock,
        read('tools/run.mjs'),
      ),
    ).toEqual([]);
  });

  it('is refused with every problem named', () => {
    const manifest: Manifest = { dependencies: { 'left-pad': '^1.3.0' }, scripts: { postinstall: 'node take-over.js' } };
    const lock: Lock = {
      packages: {
        '': {},
        'node_modules/left-pad': { version: '1.3.0', integrity: 'sha1-W0Q' },
        'node_modules/swapped': { version: '1.0.0', integrity: 'sha512-AAAA', resolved: 'git+ssh://git@example.net/swapped.git#main' },
        'node_modules/near': { link: true },
      },
    };
    expect(supplyChainProblems(manifest, lock, `npm(node, ['ci'])`)).toEqual([
      'left-pad floats (^1.3.0); name one version',
      'node_modules/left-pad has no SHA-512',
      'node_modules/swapped comes from git+ssh://git@example.net/swapped.git#main',
      'node_modules/near is a link to a folder',
      'package.json runs postinstall at install',
      'dependencies are installed with their scripts',
    ]);
  });
});
