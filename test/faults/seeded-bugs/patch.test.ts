import { describe, expect, it } from 'vitest';
import { applyPatch } from './patch.ts';

const patch = { file: 'a.ts', find: `if (a) run({ b, c });`, replace: 'run({ b });' };

describe('a patch', () => {
  it('finds its place whatever the line breaks, and leaves the rest as it is', () => {
    expect(applyPatch('first();\nif (a) run({ b, c });\nlast();\n', patch)).toBe('first();\nrun({ b });\nlast();\n');
    expect(applyPatch('first();\nif (a)\n  run({\n    b,\n    c,\n  });\nlast();\n', patch)).toBe('first();\nrun({ b });\nlast();\n');
  });

  it('is refused if its text is missing or occurs twice', () => {
    expect(() => applyPatch('if (b) run({ b, c });', patch)).toThrow(/stands 0 times in a\.ts/);
    expect(() => applyPatch('if (a) run({ b, c }); if (a) run({ b, c, });', patch)).toThrow(/stands 2 times/);
  });

  it('may remove text', () => {
    expect(applyPatch('a();\nb();\n', { file: 'a.ts', find: '  b();\n', replace: '' })).toBe('a();\n\n');
  });
});
