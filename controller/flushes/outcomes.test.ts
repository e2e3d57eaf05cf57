import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outcome, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { countOutcomes, outcomesBetween, outcomeWord } from './outcomes.ts';

const runs = fc.array(fc.record({ outcome: fc.integer({ min: 0, max: 9 }), count: fc.nat(50) }), { maxLength: 8 });

describe('outcomes', () => {
  it('always add up to what was planned, and what nobody spoke of is indeterminate', () => {
    fc.assert(fc.property(runs, fc.nat(100), (some, planned) => {
      const totals = countOutcomes(planned, some);
      expect(totals.deleted + totals.gone + totals.protected + totals.reappeared + totals.failed + totals.indeterminate).toBe(planned);
      expect(totals.rebuilt).toBeLessThanOrEqual(totals.deleted);
    }));
    expect(countOutcomes(10, [])).toMatchObject({ indeterminate: 10, deleted: 0 });
  });

  it('of an unknown kind are never taken for success', () => {
    expect(outcomeWord(99 as Outcome)).toBe('indeterminate');
    expect(outcomeWord(Outcome.OUTCOME_UNSPECIFIED)).toBe('indeterminate');
  });

  it('are found for any page of flows', () => {
    fc.assert(fc.property(runs, fc.nat(60), fc.nat(60), (some: OutcomeRun[], from, count) => {
      const all = some.flatMap((run) => Array.from({ length: run.count }, () => outcomeWord(run.outcome)));
      expect(outcomesBetween(some, from, count)).toEqual(Array.from({ length: count }, (_, index) => all[from + index]));
    }));
  });
});
