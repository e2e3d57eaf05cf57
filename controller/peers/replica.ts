import type { Roles } from '../platform/noun-module.ts';

/** Each replica beats this often. */
export const BEAT_MS = 500;
/** One that has not beaten for this long, by the clock of Postgres, has died; consoles say so within five seconds. */
export const DEAD_MS = 3500;

/** A replica that has not ended, as the registry has it. */
export interface Replica {
  id: string;
  version: string;
  roles: string[];
  /** Where it answers other replicas; null without the role link. */
  peerAddress: string | null;
  isDraining: boolean;
  /** False if it no longer beats. */
  isAlive: boolean;
}

/** Whether others can take over everything that a replica with these roles does. */
export function canTakeOver(others: readonly Replica[], roles: Roles): boolean {
  const able = others.filter(({ isAlive, isDraining }) => isAlive && !isDraining);
  return roles.every((role) => able.some((other) => other.roles.includes(role)));
}

/**
 * Whether this replica may take others for dead. While Postgres is away nobody can beat; who could again first would find all others
 * silent. So it must have beaten without a gap for as long as the others have to make up for theirs.
 */
export class Steadiness {
  private sinceMs = Infinity;
  private lastMs = -Infinity;

  /** This replica's heartbeat was recorded at this time of the monotonic clock. */
  beaten(nowMs: number): void {
    if (nowMs - this.lastMs > DEAD_MS) this.sinceMs = nowMs;
    this.lastMs = nowMs;
  }

  isSteady(): boolean {
    return this.lastMs - this.sinceMs >= DEAD_MS;
  }
}
