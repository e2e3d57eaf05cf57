/** Every queue, its jobs, and what a job holds: ids only. */
export interface Jobs {
  'ctfleet-deliver': { deliver: { gatewayId: string } };
  'ctfleet-history': { 'roll-up': Record<string, never>; maintain: Record<string, never> };
}
export type QueueName = keyof Jobs;

/** When history's jobs run. */
export const SCHEDULES = [
  { queue: 'ctfleet-history', job: 'roll-up', everyMs: 60_000 },
  { queue: 'ctfleet-history', job: 'maintain', everyMs: 3_600_000 },
] as const;
