import { Result_State, type OutcomeRun, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { countOutcomes, emptyTotals, type Totals } from '../plans/outcomes.ts';
import { targetStateOf, type TargetState } from './states.ts';

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
