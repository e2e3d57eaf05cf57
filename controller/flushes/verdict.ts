import { Result_State, type OutcomeRun, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { countOutcomes, emptyTotals, type Totals } from '../plans/outcomes.ts';
import { targetStateOf, type TargetState } from './states.ts';

/**
 * What the result of a policy means for its target. `restored` counts the values that were put back, `failed` those of a gateway that could
 * not set them; of one that refused, neither. `isStopped`: somebody wanted it to be put back, also if the gateway had not heard that yet.
 */
export function judgePolicy(
  { state, reason }: Pick<Result, 'state' | 'reason'>,
  planned: number,
  isStopped: boolean,
): { state: TargetState; totals: Totals } {
  const totals = emptyTotals(planned);
  switch (state) {
    case Result_State.STATE_DONE:
      return { state: 'verified', totals };
    case Result_State.STATE_REFUSED:
      return reason === 'CANCELLED' ? { state: 'cancelled', totals: { ...totals, cancelled: planned } } : { state: 'failed', totals };
    case Result_State.STATE_EXPIRED:
      return { state: 'expired', totals };
    case Result_State.STATE_FAILED:
      if (reason !== 'CANCELLED' && reason !== 'POLICY_RESTORED') return { state: 'failed', totals: { ...totals, failed: planned } };
      return { state: isStopped || reason === 'CANCELLED' ? 'cancelled' : 'failed', totals: { ...totals, restored: planned } };
    default:
      return { state: 'indeterminate', totals: { ...totals, indeterminate: planned } };
  }
}

/**
 * What a result means for its target. If nothing was touched, no flow has an outcome: that holds for what was refused or expired, and for
 * what failed without reporting on any flow. What began and was not seen to its end is `indeterminate`, and never reported as having
 * touched nothing.
 */
export function judge(
  result: Pick<Result, 'state' | 'reason'>,
  outcomeRuns: OutcomeRun[],
  planned: number,
): { state: TargetState; totals: Totals } {
  switch (result.state) {
    case Result_State.STATE_REFUSED:
      if (result.reason === 'CANCELLED') return { state: 'cancelled', totals: { ...emptyTotals(planned), cancelled: planned } };
      return { state: 'failed', totals: emptyTotals(planned) };
    case Result_State.STATE_EXPIRED:
      return { state: 'expired', totals: emptyTotals(planned) };
    case Result_State.STATE_DONE: {
      const totals = countOutcomes(planned, outcomeRuns);
      return { state: targetStateOf(totals), totals };
    }
    case Result_State.STATE_FAILED:
      return { state: 'failed', totals: outcomeRuns.length === 0 ? emptyTotals(planned) : countOutcomes(planned, outcomeRuns) };
    default:
      return { state: 'indeterminate', totals: countOutcomes(planned, outcomeRuns) };
  }
}

/** How a policy ended on a gateway, as one clause for people. */
export function describePolicyEnd(state: TargetState, { restored }: Totals, why: string | null): string {
  const what =
    state === 'verified' ? 'the policy is confirmed' : restored > 0 ? 'the policy was put back' : `the policy is not in force (${state})`;
  return why === null ? what : `${what}: ${why}`;
}
