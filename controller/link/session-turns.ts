import type { Rate } from '../platform/bucket.ts';

/** The longest that a turn lies ahead. Whoever would wait longer is told to ask again within this time. */
export const MAX_AHEAD_MS = 60_000;
/** How long a turn is kept for an agent that comes late: it was suspended, or its network is slow. */
const KEPT_MS = 15_000;
/** More gateways than one replica holds. */
const MAX_GIVEN = 20_000;

/**
 * When gateways may open their sessions: at a rate, however many come at once. Each that cannot be admitted now is given a turn of its own,
 * and has it still when it comes back, so that nobody is overtaken for ever, and no two are told the same moment. By any time no more
 * turns have passed than a token bucket would have given out. Time is the caller's, in milliseconds.
 */
export class SessionTurns {
  private readonly given = new Map<string, number>();
  private readonly stepMs: number;
  private readonly burstMs: number;
  /** When the next turn is that nobody has. */
  private nextMs = -Infinity;

  constructor(
    { perSecond, burst }: Rate,
    private readonly random: () => number,
  ) {
    this.stepMs = 1000 / perSecond;
    this.burstMs = (burst - 1) * this.stepMs;
  }

  /** In how many milliseconds it is the gateway's turn; 0 if it is now, and then it is over. Asking again changes nothing. */
  ask(gatewayId: string, nowMs: number): number {
    const known = this.given.get(gatewayId);
    if (known !== undefined && nowMs < known) return known - nowMs;
    this.given.delete(gatewayId);
    if (known !== undefined && nowMs - known <= KEPT_MS) return 0;
    this.nextMs = Math.max(this.nextMs, nowMs - this.burstMs);
    const waitMs = this.nextMs - nowMs;
    if (waitMs > MAX_AHEAD_MS || !this.hasRoom(nowMs)) return MAX_AHEAD_MS * (0.5 + 0.5 * this.random());
    this.nextMs += this.stepMs;
    if (waitMs <= 0) return 0;
    this.given.set(gatewayId, nowMs + waitMs);
    return waitMs;
  }

  private hasRoom(nowMs: number): boolean {
    if (this.given.size < MAX_GIVEN) return true;
    for (const [gatewayId, atMs] of this.given) if (nowMs - atMs > KEPT_MS) this.given.delete(gatewayId);
    return this.given.size < MAX_GIVEN;
  }
}
