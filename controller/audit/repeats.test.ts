import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Repeats } from './repeats.ts';

describe('repeated events', () => {
  it('are written once at first, then once per window with their count', () => {
    const repeats = new Repeats<string>(60_000);
    expect(repeats.note('a', 'first', 0)).toBe(true);
    expect([1, 2, 3].map((at) => repeats.note('a', `again ${at}`, at))).toEqual([false, false, false]);
    expect(repeats.due(59_999)).toEqual([]);
    expect(repeats.due(60_000)).toEqual([{ item: 'again 3', times: 3 }]);
    expect(repeats.due(60_001)).toEqual([]);
    expect(repeats.note('a', 'later', 60_002)).toBe(true);
  });

  it('are all counted, whatever their kinds and times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.nat(50_000)), { maxLength: 300 }), (happened) => {
        const repeats = new Repeats<number>(60_000);
        let [nowMs, written] = [0, 0];
        for (const [kind, afterMs] of happened) {
          nowMs += afterMs;
          if (repeats.note(String(kind), kind, nowMs)) written++;
          for (const { times } of repeats.due(nowMs)) written += times;
        }
        for (const { times } of repeats.due(nowMs, true)) written += times;
        expect(written).toBe(happened.length);
      }),
    );
  });

  it('beyond the maximum number of kinds are counted together', () => {
    const repeats = new Repeats<number>(60_000);
    const first = Array.from({ length: 20_000 }, (_, kind) => repeats.note(`kind ${kind}`, kind, 0)).filter(Boolean);
    expect(first).toHaveLength(5001);
    expect(repeats.due(60_000)).toEqual([{ item: 19_999, times: 14_999 }]);
  });
});
