import { describe, expect, it } from 'vitest';
import { Outcome, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import { emptyTotals } from '../plans/outcomes.ts';
import { describePolicyEnd, judge, judgePolicy } from './verdict.ts';

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

describe('the result of a policy', () => {
  it.each([
    ['confirmed', Result_State.STATE_DONE, '', 'verified', {}],
    ['refused', Result_State.STATE_REFUSED, 'PLAN_DRIFTED', 'failed', {}],
    ['stopped before it began', Result_State.STATE_REFUSED, 'CANCELLED', 'cancelled', { cancelled: 4 }],
    ['too late', Result_State.STATE_EXPIRED, 'COMMAND_LATE', 'expired', {}],
    ['put back', Result_State.STATE_FAILED, 'POLICY_RESTORED', 'failed', { restored: 4 }],
    ['stopped when it was in force', Result_State.STATE_FAILED, 'CANCELLED', 'cancelled', { restored: 4 }],
    ['not to be set', Result_State.STATE_FAILED, 'UNAVAILABLE', 'failed', { failed: 4 }],
    ['unknown', Result_State.STATE_INDETERMINATE, '', 'indeterminate', { indeterminate: 4 }],
    ['of a newer agent', Result_State.UNRECOGNIZED, '', 'indeterminate', { indeterminate: 4 }],
  ])('that is %s is told apart from all others', (_, state, reason, expected, totals) => {
    expect(judgePolicy({ state, reason }, 4, false)).toEqual({ state: expected, totals: { ...emptyTotals(4), ...totals } });
  });

  it('that is put back counts as cancelled if somebody wanted that, and one that is confirmed does not', () => {
    const stopped = (state: Result_State, reason: string) => judgePolicy({ state, reason }, 4, true);
    expect(stopped(Result_State.STATE_FAILED, 'POLICY_RESTORED')).toEqual({
      state: 'cancelled',
      totals: { ...emptyTotals(4), restored: 4 },
    });
    expect(stopped(Result_State.STATE_DONE, '').state).toBe('verified');
    expect(stopped(Result_State.STATE_FAILED, 'UNAVAILABLE').state).toBe('failed');
  });

  it('is one clause for people, with the reason', () => {
    expect(describePolicyEnd('verified', emptyTotals(4), null)).toBe('the policy is confirmed');
    expect(describePolicyEnd('failed', { ...emptyTotals(4), restored: 4 }, 'It was not confirmed in time.')).toBe(
      'the policy was put back: It was not confirmed in time.',
    );
    expect(describePolicyEnd('expired', emptyTotals(4), null)).toBe('the policy is not in force (expired)');
  });
});
