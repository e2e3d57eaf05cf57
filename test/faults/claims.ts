import { Outcome, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Claims } from './history.ts';

/** What a result's runs say about the table. A flow that came back, by whichever way, was ended first. */
export function claimsOf(runs: readonly OutcomeRun[]): Claims {
  const count = (...outcomes: Outcome[]): number => runs.reduce((sum, run) => sum + (outcomes.includes(run.outcome) ? run.count : 0), 0);
  return {
    deleted: count(Outcome.OUTCOME_DELETED, Outcome.OUTCOME_REBUILT),
    reappeared: count(Outcome.OUTCOME_REAPPEARED),
    restored: count(Outcome.OUTCOME_RESTORED),
    indeterminate: count(Outcome.OUTCOME_INDETERMINATE),
  };
}
