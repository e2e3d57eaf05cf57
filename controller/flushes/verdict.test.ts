import { describe, expect, it } from 'vitest';
import { Outcome, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import { emptyTotals } from '../plans/outcomes.ts';
import { judge } from './verdict.ts';

const deleted = [{ outcome: Outcome.OUTCOME_DELETED, count: 3 }];
const of = (state: Result_State, runs: typeof deleted, reason = '') => judge({ state, reason }, runs, 2000);

describe('a result', () => {
  it.each([
    ['refused', Result_State.STATE_REFUSED],
    ['expired', Result_State.STATE_EXPIRED],
    ['failed before it began', Result_State.STATE_FAILED],
  ])('that was %s leaves every flow without an outcome', (_, state) => {
    expect(of(state, []).totals).toEqual(emptyTotals(2000));
  });

  it('that failed with outcomes for some flows leaves the others in doubt', () => {
    expect(of(Result_State.STATE_FAILED, deleted)).toMatchObject({ state: 'failed', totals: { deleted: 3, indeterminate: 1997 } });
  });

  it.each([Result_State.STATE_INDETERMINATE, Result_State.UNRECOGNIZED, Result_State.STATE_DONE])(
    'in state %s is in doubt about what it does not name',
    (state) => {
      expect(of(state, []).totals.indeterminate).toBe(2000);
    },
  );

  it('that was cancelled before it began says so for every flow', () => {
    expect(of(Result_State.STATE_REFUSED, [], 'CANCELLED')).toMatchObject({ state: 'cancelled', totals: { cancelled: 2000 } });
  });
});
