import type { z } from 'zod';
import type { flush, targetState } from '../../proto/http/flushes.ts';
import type { Totals } from '../plans/outcomes.ts';

export type TargetState = z.output<typeof targetState>;
export type FlushState = z.output<typeof flush.shape.state>;

/**
 * Which states a target may move to from each state. A command that was sent may report late: an `indeterminate` or `expired` target still
 * accepts the gateway's own report.
 */
export const TARGET_TRANSITIONS: Record<TargetState, readonly TargetState[]> = {
  waiting: [
    'running',
    'verifying',
    'offline',
    'cancelled',
    'expired',
    'skipped',
    'verified',
    'partial',
    'reappeared',
    'failed',
    'indeterminate',
  ],
  offline: [
    'waiting',
    'running',
    'verifying',
    'cancelled',
    'expired',
    'skipped',
    'verified',
    'partial',
    'reappeared',
    'failed',
    'indeterminate',
  ],
  running: ['verifying', 'verified', 'partial', 'reappeared', 'failed', 'indeterminate', 'expired', 'cancelled'],
  verifying: ['verified', 'partial', 'reappeared', 'failed', 'indeterminate', 'cancelled'],
  indeterminate: ['verified', 'partial', 'reappeared', 'failed', 'expired', 'cancelled'],
  expired: ['verified', 'partial', 'reappeared', 'failed', 'indeterminate', 'cancelled'],
  verified: [],
  partial: [],
  reappeared: [],
  failed: [],
  cancelled: [],
  skipped: [],
};

const UNFINISHED: ReadonlySet<TargetState> = new Set<TargetState>(['waiting', 'offline', 'running', 'verifying']);

/** True while more is expected of a target. */
export function isUnfinished(state: TargetState): boolean {
  return UNFINISHED.has(state);
}

/** The final state of a target whose flows were all handled. Never verified while one flow's end is uncertain. */
export function targetStateOf(totals: Totals): TargetState {
  if (totals.planned > 0 && totals.cancelled === totals.planned) return 'cancelled';
  if (totals.failed > 0 || totals.indeterminate > 0 || totals.cancelled > 0 || totals.occupied > 0) return 'partial';
  return totals.reappeared > 0 ? 'reappeared' : 'verified';
}

/** Who stopped a flush if it was not a person. */
export const BY_RULE = 'rule';

/** The state of a flush, from its targets. `isHeldBack`: a rule kept its later waves from beginning. */
export function flushStateOf(targets: TargetState[], isHeldBack: boolean): FlushState {
  if (targets.some(isUnfinished)) return 'running';
  if (isHeldBack) return 'stopped';
  if (targets.every((state) => state === 'verified')) return 'verified';
  if (targets.every((state) => state === 'cancelled')) return 'cancelled';
  return targets.every((state) => state === 'failed' || state === 'expired' || state === 'cancelled' || state === 'skipped')
    ? 'failed'
    : 'partial';
}
