/** Every queue, its jobs, and what a job holds: ids only. */
export interface Jobs {
  'ctfleet-deliver': { deliver: { gatewayIds: string[] } };
  'ctfleet-audit': { checkpoint: Record<string, never> };
  'ctfleet-remediations': { due: Record<string, never> };
  'ctfleet-history': { 'roll-up': Record<string, never>; maintain: Record<string, never>; retain: Record<string, never> };
}
export type QueueName = keyof Jobs;

/** A job that runs again and again. */
export type Schedule = { [Q in QueueName]: { queue: Q; job: keyof Jobs[Q] & string; everyMs: number } }[QueueName];

export const SCHEDULES: readonly Schedule[] = [
  { queue: 'ctfleet-history', job: 'roll-up', everyMs: 60_000 },
  { queue: 'ctfleet-history', job: 'maintain', everyMs: 3_600_000 },
  { queue: 'ctfleet-history', job: 'retain', everyMs: 3_600_000 },
  { queue: 'ctfleet-audit', job: 'checkpoint', everyMs: 60_000 },
];
