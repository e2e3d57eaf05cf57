import type { z } from 'zod';
import type { flush, targetState } from '../../proto/http/flushes.ts';
import type { Totals } from './outcomes.ts';

export type TargetState = z.output<typeof targetState>;
export type FlushState = z.output<typeof flush.shape.state>;

/** Where a target may go from each state. What was sent may report late: an `indeterminate` or `expired` target still takes the gateway's own word. */
export const TARGET_TRANSITIONS: Record<TargetState, readonly TargetState[]> = {
  waiting: ['running', 'verifying', 'offline', 'cancelled', 'expired', 'skipped', 'verified', 'partial', 'reappeared', 'failed', 'indeterminate'],
  offline: ['waiting', 'running', 'verifying', 'cancelled', 'expired', 'skipped', 'verified', 'partial', 'reappeared', 'failed', 'indeterminate'],
  running: ['verifying', 'verified', 'partial', 'reappeared', 'failed', 'indeterminate', 'expired'],
  verifying: ['verified', 'partial', 'reappeared', 'failed', 'indeterminate'],
  indeterminate: ['verified', 'partial', 'reappeared', 'failed', 'expired'],
  expired: ['verified', 'partial', 'reappeared', 'failed', 'indeterminate'],
  verified: [], partial: [], reappeared: [], failed: [], cancelled: [], skipped: [],
};

const UNFINISHED: ReadonlySet<TargetState> = new Set<TargetState>(['waiting', 'offline', 'running', 'verifying']);

/** True while more is expected of a target. */
export function isUnfinished(state: TargetState): boolean {
  return UNFINISHED.has(state);
}

/** The end of a target whose flows were all handled. Never verified while one flow's end is not certain. */
export function targetStateOf(totals: Totals): TargetState {
  if (totals.failed > 0 || totals.indeterminate > 0) return 'partial';
  return totals.reappeared > 0 ? 'reappeared' : 'verified';
}

/** What a flush is, from its targets. */
export function flushStateOf(targets: TargetState[]): FlushState {
  if (targets.some(isUnfinished)) return 'running';
  if (targets.every((state) => state === 'verified')) return 'verified';
  if (targets.every((state) => state === 'cancelled')) return 'cancelled';
  return targets.every((state) => state === 'failed' || state === 'expired' || state === 'cancelled' || state === 'skipped') ? 'failed' : 'partial';
}
