import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outcome, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { countOutcomes, describeTotals, emptyTotals, outcomesBetween, outcomeWord } from './outcomes.ts';

const runs = fc.array(fc.record({ outcome: fc.integer({ min: 0, max: 15 }), count: fc.nat(50) }), { maxLength: 8 });

describe('outcomes', () => {
  it('always add up to what was planned, and what nobody spoke of is indeterminate', () => {
    fc.assert(
      fc.property(runs, fc.nat(100), (some, planned) => {
        const totals = countOutcomes(planned, some);
        const { planned: _, rebuilt: __, ...rest } = totals;
        expect(Object.values(rest).reduce((sum, count) => sum + count, 0)).toBe(planned);
        expect(totals.rebuilt).toBeLessThanOrEqual(totals.deleted);
      }),
    );
    expect(countOutcomes(10, [])).toMatchObject({ indeterminate: 10, deleted: 0 });
  });

  it('of an unknown kind are never taken for success', () => {
    expect(outcomeWord(99 as Outcome)).toBe('indeterminate');
    expect(outcomeWord(Outcome.OUTCOME_UNSPECIFIED)).toBe('indeterminate');
  });

  it('are told in one clause, whichever way flows were ended', () => {
    expect(describeTotals({ ...emptyTotals(12), deleted: 9, gone: 3 })).toBe('9 of 12 flows deleted, 3 had gone');
    expect(describeTotals({ ...emptyTotals(12), reset: 10, deleted: 2 })).toBe('2 of 12 flows deleted, 10 reset');
    expect(describeTotals({ ...emptyTotals(12), restored: 11, occupied: 1 })).toBe(
      '11 of 12 flows put back, 1 not put back, because traffic had recreated them',
    );
    expect(describeTotals({ ...emptyTotals(1), cancelled: 1 })).toBe('0 of 1 flow deleted, 1 left alone');
  });

  it('are found for any page of flows', () => {
    fc.assert(
      fc.property(runs, fc.nat(60), fc.nat(60), (some: OutcomeRun[], from, count) => {
        const all = some.flatMap((run) => Array.from({ length: run.count }, () => outcomeWord(run.outcome)));
        expect(outcomesBetween(some, from, count)).toEqual(Array.from({ length: count }, (_, index) => all[from + index]));
      }),
    );
  });
});
