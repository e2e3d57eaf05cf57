import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outcome, Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { MAX_BYTES, ResultParts, outcomeRunsWithin } from './result-parts.ts';

const part = (number: number, counts: number[], isLastPart = false, commandId = 'c'): Result =>
  Result.fromPartial({
    commandId,
    part: number,
    isLastPart,
    runs: counts.map((count) => ({ outcome: Outcome.OUTCOME_DELETED, count })),
  });

describe('parts of a result', () => {
  it('are joined in order', () => {
    const parts = new ResultParts();
    parts.begin('gw', 'c', 10);
    expect(parts.add('gw', part(0, [1, 2]))).toBeUndefined();
    expect(parts.add('gw', part(1, [3, 4], true))).toMatchObject([{ count: 1 }, { count: 2 }, { count: 3 }, { count: 4 }]);
    expect(parts.keptBytes).toBe(0);
  });

  it('out of turn, of another command, or of a result that never began are not kept', () => {
    const parts = new ResultParts();
    expect(parts.add('gw', part(0, [1]))).toBeUndefined();
    parts.begin('gw', 'c', 10);
    expect(parts.add('gw', part(1, [1], true))).toBeUndefined();
    expect(parts.add('gw', part(0, [1], true, 'other'))).toBeUndefined();
    expect(parts.add('other', part(0, [1], true))).toBeUndefined();
    expect(parts.keptBytes).toBe(0);
  });

  it('hold no more than the plan has flows, however many runs arrive', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(4_000_000_000), { maxLength: 50 }), { maxLength: 20 }), fc.nat(1000), (counts, planned) => {
        const parts = new ResultParts();
        parts.begin('gw', 'c', planned);
        counts.forEach((runs, at) => parts.add('gw', part(at, runs)));
        const runs = parts.add('gw', part(counts.length, [], true))!;
        const all = counts.flat().reduce((sum, count) => sum + count, 0);
        expect(runs.reduce((sum, { count }) => sum + count, 0)).toBe(Math.min(all, planned));
        expect(runs.length).toBeLessThanOrEqual(planned);
      }),
    );
    expect(
      outcomeRunsWithin(
        [
          { outcome: 1, count: 0 },
          { outcome: 1, count: 0 },
        ],
        5,
      ),
    ).toEqual([]);
  });

  it('are bounded in bytes across all gateways', () => {
    const parts = new ResultParts();
    const long = part(0, Array<number>(60_000).fill(1));
    const offer = (): void => {
      for (let gateway = 0; gateway < 1000; gateway++) {
        parts.begin(`gw${gateway}`, 'c', 500_000);
        parts.add(`gw${gateway}`, long);
      }
    };
    expect(offer).toThrow('Too many long results');
    expect(parts.keptBytes).toBeLessThanOrEqual(MAX_BYTES);
    for (let gateway = 0; gateway < 1000; gateway++) parts.forget(`gw${gateway}`);
    expect(parts.keptBytes).toBe(0);
  });
});
