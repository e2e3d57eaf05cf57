import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvCell, storageProblem, textProblem, toPrintable, toSafeJson } from './text.ts';

describe('text for people', () => {
  it.each(['\u200b', ' \u00a0\u2003', '\u2800', '\u3164', '\ufeff\u2060', '\u202e', '\u00ad', ''])(
    '%j has no visible character',
    (text) => {
      expect(textProblem(text)).toContain('visible character');
    },
  );

  it.each(['a\u001b[31m', 'a\u0000', 'a\u0085', 'a\u202eb', 'a\u2066b', 'a\u2028b', 'a\ud800', 'a\nb', 'a\tb'])(
    '%j contains a control character',
    (text) => {
      expect(textProblem(text)).toMatch(/control character \\u\{[0-9a-f]+\}/);
    },
  );

  it.each(['Failover, WAN 1', 'Übergang → LTE', '会議室', 'عميل', '👩‍👩‍👧 family', 'e\u0301', '-'])('%j is readable', (text) => {
    expect(textProblem(text)).toBeUndefined();
    expect(toPrintable(text)).toBe(text);
  });

  it('may have several lines where that is allowed', () => {
    expect(textProblem('two\n\tlines', { hasLines: true })).toBeUndefined();
    expect(textProblem('two\r\nlines', { hasLines: true })).toContain('\\u{d}');
  });

  it('made printable has no control characters left, and shows which there were', () => {
    expect(toPrintable('a\u001b]0;owned\u0007\nb')).toBe('a\\u{1b}]0;owned\\u{7}\\u{a}b');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(toPrintable(text)).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
        if (textProblem(text) === undefined) expect(toPrintable(text)).toBe(text);
      }),
    );
  });
});

describe('an export', () => {
  it('has cells that control neither a terminal nor a spreadsheet', () => {
    expect(['=1+1', '+1', '-1', '@SUM(A1)', ' =1', '\uff1d1', '\t=1', 'a\u001b[2J', 'a"b', 'two\nlines', 'plain'].map(csvCell)).toEqual([
      "'=1+1",
      "'+1",
      "'-1",
      "'@SUM(A1)",
      "' =1",
      "'\uff1d1",
      '"\'\t=1"',
      'a\\u{1b}[2J',
      '"a""b"',
      '"two\nlines"',
      'plain',
    ]);
  });

  it('in JSON reads back as the same value, with no control character in its text', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
        expect(JSON.parse(toSafeJson(json))).toEqual(JSON.parse(json));
        expect(toSafeJson(JSON.stringify(JSON.parse(json)))).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe('a value of JSON', () => {
  it('is refused with its path for a NUL or half a surrogate pair, in a string or in a name', () => {
    expect(storageProblem({ a: [{ b: 'x\0' }] }, 9)).toEqual({
      path: 'a.0.b',
      message: 'contains a NUL character or half of a surrogate pair',
    });
    expect(storageProblem({ a: { '\ud800': 1 } }, 9)).toMatchObject({ path: 'a' });
    expect(storageProblem({ a: '👍', b: null, c: [1] }, 9)).toBeUndefined();
  });

  it('is refused if it is too deep, and never overflows the stack', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(storageProblem(deep, 32)).toMatchObject({ message: 'is nested more than 32 deep' });
  });
});
