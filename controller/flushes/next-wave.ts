import { counted } from '../platform/plural.ts';
import type { Totals } from '../plans/outcomes.ts';
import { isUnfinished, type TargetState } from './states.ts';
import type { Subject } from './subject.ts';

const MAX_FAILED = 2;
const MAX_FAILED_SHARE = 0.05;
const MAX_DRIFT = 50;
const MAX_DRIFT_SHARE = 0.2;
const FAILED: ReadonlySet<TargetState> = new Set<TargetState>(['failed', 'indeterminate', 'reappeared']);

/** A target, as far as it decides whether the next wave begins. */
export interface WaveTarget {
  wave: number;
  state: TargetState;
  totals: Totals;
}

export type NextStep = { kind: 'wait' } | { kind: 'begin' } | { kind: 'stop'; reason: string };

/** What happens next to a flush whose waves up to `wave` have begun. `isLate`: the time for the whole flush has expired. */
export function nextStep(targets: readonly WaveTarget[], wave: number, isLate: boolean, subject: Subject = 'flows'): NextStep {
  const begun = targets.filter((target) => target.wave <= wave);
  const done = begun.filter(({ state }) => !isUnfinished(state));
  const reason = subject === 'policy' ? whyStopPolicy(done) : whyStop(done);
  if (reason !== undefined) return { kind: 'stop', reason };
  if (done.length < begun.length) return { kind: 'wait' };
  return isLate ? { kind: 'stop', reason: 'the time for the whole flush expired before the next wave' } : { kind: 'begin' };
}

/** A policy that one gateway has put back, refused or failed to set is not tried on others. */
function whyStopPolicy(done: readonly WaveTarget[]): string | undefined {
  const failed = done.filter(({ state }) => FAILED.has(state)).length;
  return failed > 0 ? `${failed} of ${counted(done.length, 'gateway')} did not keep the policy` : undefined;
}

/**
 * Why so many failures stop the work elsewhere, in words: two gateways, or more than 5 % of those that are done. Shared by flushes and
 * remediations.
 */
export function whyTooManyFailed(failed: number, done: number): string | undefined {
  return failed >= MAX_FAILED || failed > done * MAX_FAILED_SHARE
    ? `${failed} of ${counted(done, 'gateway')} failed, or did not end what they should`
    : undefined;
}

/**
 * The rule broken by the finished targets, in words. What a tenant's operator stopped on their own gateways says nothing about the others.
 */
function whyStop(done: readonly WaveTarget[]): string | undefined {
  const why = whyTooManyFailed(done.filter(({ state }) => FAILED.has(state)).length, done.length);
  if (why !== undefined) return why;
  const planned = done.reduce((sum, { totals }) => sum + totals.planned, 0);
  const drifted = done.reduce((sum, { totals }) => sum + totals.gone, 0);
  if (drifted > MAX_DRIFT && drifted > planned * MAX_DRIFT_SHARE)
    return `${drifted} of ${counted(planned, 'flow')} were no longer there: the plan is out of date`;
  return undefined;
}
