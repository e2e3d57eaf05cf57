import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hunksOf, lineDiff } from './line-diff.ts';

const shown = (before: string, after: string) =>
  lineDiff(before, after).map(({ kind, text }) => `${{ same: ' ', added: '+', removed: '-' }[kind]}${text}`);

describe('a difference of two texts', () => {
  it('keeps common lines and shows what came and went where it did', () => {
    expect(shown('a\nb\nc\nd\n', 'a\nc\nx\nd\n')).toEqual([' a', '-b', ' c', '+x', ' d']);
    expect(shown('a\n', 'a\n')).toEqual([' a']);
    expect(shown('a\n', 'b\n')).toEqual(['-a', '+b']);
  });

  it('is the earlier text without what was added, and the later one without what was removed', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 12 }).map((lines) => `${lines.join('\n')}\n`);
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = lineDiff(before, after);
        const without = (kind: string) => `${lines.flatMap((line) => (line.kind === kind ? [] : [line.text])).join('\n')}\n`;
        expect([without('added'), without('removed')]).toEqual([before, after]);
      }),
    );
  });

  it('of thousands of lines ends soon, with everything as removed and added', () => {
    const [before, after] = ['a', 'b'].map((letter) => Array.from({ length: 5000 }, (_, line) => `${letter}${line}`).join('\n'));
    expect(lineDiff(before!, after!)).toHaveLength(10_000);
  });

  it('is cut to the lines around what differs', () => {
    const before = Array.from({ length: 20 }, (_, line) => `l${line}`);
    const after = before.with(9, 'new');
    expect(hunksOf(lineDiff(before.join('\n'), after.join('\n')), 1).map((line) => line?.text)).toEqual([
      undefined,
      'l8',
      'l9',
      'new',
      'l10',
      undefined,
    ]);
    expect(hunksOf(lineDiff('a\nb', 'a\nb'))).toEqual([undefined]);
  });
});
