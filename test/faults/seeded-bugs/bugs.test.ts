import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { AGENT_BUGS } from './agent-bugs.ts';
import { CONTROLLER_BUGS } from './controller-bugs.ts';
import { applyPatch } from './patch.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

it.each([...AGENT_BUGS, ...CONTROLLER_BUGS])('$name can still be planted', ({ patches }) => {
  for (const { file } of patches) {
    const source = readFileSync(path.join(ROOT, file), 'utf8');
    expect(patches.filter((patch) => patch.file === file).reduce((text, patch) => applyPatch(text, patch), source)).not.toBe(source);
  }
});
