import type { ErrorCode } from '../../proto/model/error-codes.ts';
import type { Firing } from './firings.ts';
import type { GatewayRemediation } from './remediation-set.ts';

/** How long to wait for a healthy target before reporting that there is none: multi-WAN daemons need some seconds to move a route. */
const PATIENCE_MS = 10_000;
/** Between two checks when changes follow one another. */
const MIN_PAUSE_MS = 200;
/** Checks without a change back off and end after about two minutes: 1, 2, 4 … 64 s. */
const MAX_UNPROMPTED = 7;
/** Between two checks while the table is full. */
const PRESSURE_PAUSE_MS = 10_000;

/** How far the handling of a firing has come. */
export interface Progress {
  looks: number;
  lookedAtMs: number;
  /** Number of the latest change at the last check. */
  change: number;
  /** What was reported already: each once per firing. */
  said: ReadonlySet<string>;
  /** The firing's `steps` when it was last handled completely. */
  doneAt?: number;
  /** A check or a run is in progress. */
  isBusy: boolean;
}

export interface World {
  nowMs: number;
  /** Incremented with each change of a WAN. */
  change: number;
  hasHealthyTarget: boolean;
  /** Since when there has been no healthy target; undefined while there is one. */
  noTargetSinceMs: number | undefined;
  /** The gateway has another WAN at all, healthy or not. */
  hasOtherWan: boolean;
}

/** What to do with a firing now. A `wait` without a time waits for the next change. */
export type NextStep = { kind: 'wait'; untilMs?: number } | { kind: 'refuse'; code: ErrorCode; detail: string } | { kind: 'look' };

/** Depends only on the document's conditions, this gateway's turn and the time. */
export function nextStep(
  { sinceMs, looks: pattern, steps, changesAnHour }: Firing,
  progress: Progress,
  { document, delaySeconds }: Pick<GatewayRemediation, 'document' | 'delaySeconds'>,
  world: World,
): NextStep {
  const { conditions, limits } = document;
  const { settledSeconds, healthyTarget, mostFlapsAnHour } = conditions;
  if (progress.isBusy || progress.doneAt === steps) return { kind: 'wait' };
  const settledMs = sinceMs + (settledSeconds + delaySeconds) * 1000;
  if (world.nowMs < settledMs) return { kind: 'wait', untilMs: settledMs };
  if (mostFlapsAnHour !== undefined && changesAnHour > mostFlapsAnHour) {
    return once(
      `It failed or recovered ${changesAnHour} times in the last hour, and mostFlapsAnHour is ${mostFlapsAnHour}: nothing was touched.`,
    );
  }
  if (healthyTarget && !world.hasHealthyTarget) {
    // The only WAN of a gateway has nowhere to fail over to: nothing to do and nothing to report.
    if (!world.hasOtherWan) return { kind: 'wait' };
    // This also covers a target that was there and went: where the WAN itself takes the route back, its failure ends a moment later.
    const patienceMs = Math.max(settledMs, world.noTargetSinceMs ?? settledMs) + PATIENCE_MS;
    if (world.nowMs < patienceMs) return { kind: 'wait', untilMs: patienceMs };
    return once('No other WAN works and has the default route, so ending flows would not help: nothing was touched.');
  }
  const untilMs = nextLookMs();
  return world.nowMs >= untilMs ? { kind: 'look' } : { kind: 'wait', untilMs: Number.isFinite(untilMs) ? untilMs : undefined };

  function once(detail: string): NextStep {
    return progress.said.has('CONDITION_UNMET') ? { kind: 'wait' } : { kind: 'refuse', code: 'CONDITION_UNMET', detail };
  }

  function nextLookMs(): number {
    if (progress.looks === 0) return world.nowMs;
    if (pattern === 'while-it-holds') return progress.lookedAtMs + Math.max(PRESSURE_PAUSE_MS, limits.coolDownSeconds * 1000);
    if (world.change !== progress.change) return progress.lookedAtMs + MIN_PAUSE_MS;
    return progress.looks > MAX_UNPROMPTED ? Infinity : progress.lookedAtMs + 1000 * 2 ** (progress.looks - 1);
  }
}
