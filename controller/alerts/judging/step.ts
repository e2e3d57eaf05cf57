import type { AlertCause } from '../../../proto/model/alerts/kinds.ts';
import type { RuleValues } from '../../../proto/model/alerts/rule.ts';
import type { Verdict } from './sample-context.ts';

/** What one rule has come to on one gateway; absent while there is nothing. Times in milliseconds. */
export interface RuleState {
  alertId: string;
  pendingSince: number;
  isRaised: boolean;
  /** Since when it has been good without a break; only while it is raised. */
  clearingSince?: number;
  /** The value that its alert shows: replaced by one that is much worse only, so that not every sample is written. */
  told: number;
  cause?: AlertCause;
}

/** A longer break between two samples interrupts what has to hold for a time: nobody knows what was meanwhile. */
export const LONGEST_GAP_MS = 3 * 60_000;

/** When a verdict is from. */
export interface Moment {
  atMs: number;
  /** The sample before it; undefined if there is none. */
  beforeMs: number | undefined;
  /** It tells about now. What is told late may let something pend or clear, and never raises it. */
  isFresh: boolean;
}

/**
 * What a rule comes to with one more sample.
 *
 *   nothing ──bad──▶ pending ──bad for long enough──▶ raised ──good for long enough──▶ nothing
 *      ▲                │ not bad                        │ ▲ not good
 *      └────────────────┘                                └─┘
 *
 * A value between the two levels raises nothing and clears nothing.
 */
export function step(
  state: RuleState | undefined,
  verdict: Verdict | undefined,
  { for: hold = 0, clearFor = 0 }: RuleValues,
  { atMs, beforeMs, isFresh }: Moment,
  newId: () => string,
): RuleState | undefined {
  if (!verdict) return state;
  const isBroken = beforeMs === undefined || atMs - beforeMs > LONGEST_GAP_MS;
  if (state?.isRaised) {
    if (verdict.is !== 'good') return withoutClearing(state);
    const clearingSince = isBroken ? atMs : (state.clearingSince ?? atMs);
    return atMs - clearingSince >= clearFor * 1000 ? undefined : { ...state, clearingSince };
  }
  if (verdict.is !== 'bad') return undefined;
  const pending = state ?? { alertId: newId(), pendingSince: atMs, isRaised: false, told: verdict.value };
  const pendingSince = isBroken && hold > 0 ? atMs : pending.pendingSince;
  const isRaised = isFresh && atMs - pendingSince >= hold * 1000;
  return { ...pending, pendingSince, isRaised };
}

function withoutClearing(state: RuleState): RuleState {
  const { clearingSince, ...rest } = state;
  return clearingSince === undefined ? state : rest;
}
