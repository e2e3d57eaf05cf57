import { counted } from '../platform/plural.ts';
import type { Totals } from '../plans/outcomes.ts';
import { isUnfinished, type TargetState } from './states.ts';

/** Flushes of more targets than this go in waves unless somebody says otherwise. */
const FEW_TARGETS = 3;
/** How much of all targets has begun at the end of each wave: first one gateway, then these shares, rounded up. */
const SHARES = [0.05, 0.25, 1];
/** A tag that says with whom a gateway shares its work: `ha:NAME`. */
const PARTNER_TAG = /^ha:./;

const MAX_FAILED = 2;
const MAX_FAILED_SHARE = 0.05;
const MAX_DRIFT = 50;
const MAX_DRIFT_SHARE = 0.2;
const FAILED: ReadonlySet<TargetState> = new Set<TargetState>(['failed', 'indeterminate', 'reappeared']);

/**
 * The wave of each target, from 1, in the order given. Partners of one another are never in the same wave, so that one of them carries the
 * traffic whatever comes of the other; those that have to wait for that begin before all who come after them.
 */
export function toWaves(targets: readonly { tags: readonly string[] }[], areWanted: boolean): number[] {
  const quotas =
    areWanted && targets.length > FEW_TARGETS ? [1, ...SHARES.map((share) => Math.ceil(targets.length * share))] : [targets.length];
  const waves: number[] = [];
  let waiting = targets.map((_, index) => index);
  for (let wave = 1, step = 0; waiting.length > 0; step++) {
    const begun = targets.length - waiting.length;
    const room = Math.max(0, (quotas[step] ?? targets.length) - begun);
    const partners = new Set<string>();
    const taken = new Set<number>();
    for (const index of waiting) {
      const own = targets[index]!.tags.filter((tag) => PARTNER_TAG.test(tag));
      if (taken.size === room || own.some((tag) => partners.has(tag))) continue;
      taken.add(index);
      own.forEach((tag) => partners.add(tag));
    }
    if (taken.size === 0) continue;
    for (const index of taken) waves[index] = wave;
    waiting = waiting.filter((index) => !taken.has(index));
    wave++;
  }
  return waves;
}

/** A target as far as it decides whether the next wave begins. */
export interface WaveTarget {
  wave: number;
  state: TargetState;
  totals: Totals;
}

export type NextStep = { kind: 'wait' } | { kind: 'begin' } | { kind: 'stop'; reason: string };

/** What becomes of a flush whose waves up to `wave` have begun. `isLate`: the time for the whole of it is over. */
export function nextStep(targets: readonly WaveTarget[], wave: number, isLate: boolean): NextStep {
  const begun = targets.filter((target) => target.wave <= wave);
  const done = begun.filter(({ state }) => !isUnfinished(state));
  const reason = whyStop(done);
  if (reason !== undefined) return { kind: 'stop', reason };
  if (done.length < begun.length) return { kind: 'wait' };
  return isLate ? { kind: 'stop', reason: 'the time for the whole flush was over before the next wave' } : { kind: 'begin' };
}

/**
 * Why so many failures stop what goes on elsewhere, in words: two gateways, or more than 5 % of those that are done. Flushes and
 * remediations share it.
 */
export function whyTooManyFailed(failed: number, done: number): string | undefined {
  return failed >= MAX_FAILED || failed > done * MAX_FAILED_SHARE
    ? `${failed} of ${counted(done, 'gateway')} failed, or did not end what they should`
    : undefined;
}

/** The rule that those done have broken, in words. What a tenant's operator stopped on his own gateways says nothing about the others. */
function whyStop(done: readonly WaveTarget[]): string | undefined {
  const why = whyTooManyFailed(done.filter(({ state }) => FAILED.has(state)).length, done.length);
  if (why !== undefined) return why;
  const planned = done.reduce((sum, { totals }) => sum + totals.planned, 0);
  const drifted = done.reduce((sum, { totals }) => sum + totals.gone, 0);
  if (drifted > MAX_DRIFT && drifted > planned * MAX_DRIFT_SHARE)
    return `${drifted} of ${counted(planned, 'flow')} were no longer there: the plan is out of date`;
  return undefined;
}
