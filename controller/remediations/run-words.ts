import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun_State as State, type RemediationRun_Sweep as Sweep } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { RemediationRun as RunView } from '../../proto/http/remediations.ts';
import { int32From } from '../platform/untrusted.ts';
import { counted } from '../platform/plural.ts';

export const STATE_WORDS: Partial<Record<State, RunView['state']>> = {
  [State.STATE_OBSERVED]: 'observed',
  [State.STATE_SUGGESTED]: 'suggested',
  [State.STATE_REFUSED]: 'refused',
  [State.STATE_DONE]: 'done',
  [State.STATE_FAILED]: 'failed',
  [State.STATE_INDETERMINATE]: 'indeterminate',
};

const ENDED: ReadonlySet<Outcome> = new Set([
  Outcome.OUTCOME_DELETED,
  Outcome.OUTCOME_REBUILT,
  Outcome.OUTCOME_REAPPEARED,
  Outcome.OUTCOME_RESET,
  Outcome.OUTCOME_BLOCKED,
  Outcome.OUTCOME_EXPIRING,
]);

/** How many flows the sweeps ended. */
export function endedOf(sweeps: Sweep[]): number {
  return sweeps.reduce((sum, { runs }) => sum + runs.reduce((own, run) => own + (ENDED.has(run.outcome) ? run.count : 0), 0), 0);
}

const FAILED: ReadonlySet<Outcome> = new Set([Outcome.OUTCOME_REAPPEARED, Outcome.OUTCOME_FAILED, Outcome.OUTCOME_INDETERMINATE]);

/** The last sweep in these parts, and how many flows it left that should be gone. */
export function leftBy(sweeps: readonly Sweep[]): { lastSweep: number; left: number } {
  const lastSweep = sweeps.reduce((last, { number }) => Math.max(last, int32From(number)), 0);
  const counts = sweeps
    .filter(({ number }) => int32From(number) === lastSweep)
    .flatMap(({ runs }) => runs.map(({ outcome, count }) => (FAILED.has(outcome) ? count : 0)));
  return { lastSweep, left: int32From(counts.reduce((sum, count) => sum + count, 0)) };
}

/** True if a run did not help, like a failed target of a flush: it never ended, or its last sweep left flows that should be gone. */
export function hasFailed(state: RunView['state'], left: number): boolean {
  return state === 'failed' || state === 'indeterminate' || (state === 'done' && left > 0);
}

/** A run as one sentence. */
export function describeRun({
  name,
  state,
  gateway,
  matched,
  ended,
  trigger,
  reason,
}: {
  name: string;
  state: RunView['state'];
  gateway: string;
  matched: number;
  ended: number;
  trigger: string;
  reason: string;
}): string {
  const why = reason ? `: ${reason}` : '';
  switch (state) {
    case 'observed':
      return `${name} would have ended ${counted(matched, 'flow')} on ${gateway} (${trigger})`;
    case 'suggested':
      return `${name} suggests ending ${counted(matched, 'flow')} on ${gateway} (${trigger})`;
    case 'refused':
      return `${name} did nothing on ${gateway} (${trigger})${why}`;
    case 'running':
      return `${name} began to end ${counted(matched, 'flow')} on ${gateway} (${trigger})`;
    case 'done':
      return `${name} ended ${ended} of ${counted(matched, 'flow')} on ${gateway} (${trigger})${why}`;
    case 'failed':
      return `${name} failed on ${gateway} (${trigger})${why}`;
    case 'indeterminate':
      return `${name} was interrupted on ${gateway} (${trigger}); what it ended is unknown${why}`;
  }
}
