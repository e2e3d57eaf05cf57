import { FleetError } from '../../proto/model/error-codes.ts';
import { Bucket, type Rate } from '../platform/bucket.ts';

/** What an incoming message costs. A write is a transaction in Postgres. */
export interface Cost {
  messages?: number;
  bytes?: number;
  writes?: number;
}

type Unit = keyof Cost;

/** Per gateway. An honest gateway that brings a day of samples and reports of half a million flows stays within these. */
const OF_GATEWAY: Record<Unit, Rate> = {
  messages: { perSecond: 200, burst: 2_000 },
  bytes: { perSecond: 4 * 1024 * 1024, burst: 48 * 1024 * 1024 },
  writes: { perSecond: 20, burst: 300 },
};
/**
 * All gateways of a tenant together: what a thousand of them need after an outage. They slow each other down; none is disconnected because
 * of the others.
 */
const OF_TENANT: Record<Unit, Rate> = {
  messages: { perSecond: 5_000, burst: 50_000 },
  bytes: { perSecond: 64 * 1024 * 1024, burst: 512 * 1024 * 1024 },
  writes: { perSecond: 500, burst: 5_000 },
};
/** New streams: exceeded by an agent that reconnects in a loop, or that answers what nobody asked. */
const SESSIONS: Rate = { perSecond: 0.5, burst: 30 };
const ANSWERS: Rate = { perSecond: 50, burst: 500 };
/** Open answers of one gateway: more than it is asked at once. One that never ends would hold its place for a minute. */
const MAX_OPEN_ANSWERS = 64;
/** Useless messages: about commands that are not the gateway's, out of order, or undecodable. */
const USELESS: Rate = { perSecond: 0.2, burst: 10 };
/** How long nothing more is read from the sender of a useless message: detecting one costs the others, so they are let in slowly. */
const USELESS_PAUSE_MS = 250;
/** How long an agent may be held back before it is disconnected: an honest one is through by then. */
const HELD_BACK_MS: Rate = { perSecond: 50, burst: 60_000 };

/** The first refusal lasts a second, each further one twice as long, ten minutes at most. Ten minutes without a refusal halve the next. */
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 600_000;
const FORGIVEN_MS = 600_000;
/** Refusals after the longest wait are not counted, so that forgiveness does not take longer. */
const MAX_REFUSALS = 11;
/** Gateways and tenants that are remembered; beyond that, those that have been quiet for long are forgotten. */
const MAX_REMEMBERED = 20_000;

class Budget {
  private readonly buckets: Record<Unit, Bucket>;

  constructor(rates: Record<Unit, Rate>) {
    this.buckets = { messages: new Bucket(rates.messages), bytes: new Bucket(rates.bytes), writes: new Bucket(rates.writes) };
  }

  take(cost: Cost, nowMs: number): number {
    const waits = (Object.keys(this.buckets) as Unit[]).map((unit) => this.buckets[unit].take(cost[unit] ?? 0, nowMs));
    return Math.max(...waits);
  }
}

/** What is known of one gateway. */
class Gateway {
  readonly budget = new Budget(OF_GATEWAY);
  readonly sessions = new Bucket(SESSIONS);
  readonly answers = new Bucket(ANSWERS);
  readonly useless = new Bucket(USELESS);
  readonly heldBack = new Bucket(HELD_BACK_MS);
  openAnswers = 0;
  pausedUntilMs = -Infinity;
  refusals = 0;
  refusedUntilMs = -Infinity;
  lastMs = -Infinity;
}

/** The sender. */
export interface Sender {
  gatewayId: string;
  tenantId: string;
}

/** What intake has done since the controller started. */
export interface IntakeCounts {
  refused: number;
  useless: number;
  heldBackMs: number;
}

/**
 * What a gateway may send: messages, bytes, writes, streams and useless messages. Asked before anything is decoded, looked up or stored.
 *
 *   within its budget ──▶ taken at once
 *   beyond it         ──▶ held back: its stream is not read, and TCP slows it down
 *   useless           ──▶ held back for a moment, whatever its budget
 *   held back for long, or useless repeatedly ──▶ disconnected (RATE_LIMITED), and refused for 1 s, 2 s, 4 s … 10 min
 *
 * It outlives sessions, so that reconnecting resets nothing. Time is the caller's, in milliseconds.
 */
export class Intake {
  readonly counts: IntakeCounts = { refused: 0, useless: 0, heldBackMs: 0 };
  private readonly gateways = new Map<string, Gateway>();
  private readonly tenants = new Map<string, Budget>();

  /**
   * Begins a stream. Throws RATE_LIMITED with the seconds to wait while the gateway is refused, or if it begins too many. An answer that
   * has begun ends with `endAnswer`.
   */
  begin(sender: Sender, stream: 'session' | 'answer', nowMs: number): void {
    const gateway = this.of(sender, nowMs);
    const waitMs = gateway.refusedUntilMs - nowMs;
    if (waitMs > 0) {
      this.counts.refused++;
      throw limited('This gateway exceeded its limit.', waitMs);
    }
    const bucket = stream === 'session' ? gateway.sessions : gateway.answers;
    if (bucket.take(1, nowMs) > 0) throw this.refusal(gateway, `This gateway opened too many ${stream}s.`, nowMs);
    if (stream === 'session') return;
    if (gateway.openAnswers >= MAX_OPEN_ANSWERS) throw this.refusal(gateway, 'This gateway holds too many answers open.', nowMs);
    gateway.openAnswers++;
  }

  /** Ends an answer that had begun. */
  endAnswer({ gatewayId }: Sender): void {
    const gateway = this.gateways.get(gatewayId);
    if (gateway) gateway.openAnswers--;
  }

  /** How long to hold back the sender before its message is handled, in milliseconds. Throws RATE_LIMITED once the total is too long. */
  take(sender: Sender, cost: Cost, nowMs: number): number {
    const gateway = this.of(sender, nowMs);
    const ownMs = gateway.budget.take(cost, nowMs);
    const waitMs = Math.max(ownMs, this.tenant(sender.tenantId).take(cost, nowMs), gateway.pausedUntilMs - nowMs);
    this.counts.heldBackMs += waitMs;
    if (ownMs > 0 && gateway.heldBack.take(ownMs, nowMs) > 0) throw this.refusal(gateway, 'This gateway exceeded its limit.', nowMs);
    return waitMs;
  }

  /** Notes a useless message: the sender's next one is held back. Throws RATE_LIMITED if this happens repeatedly. */
  noteUseless(sender: Sender, nowMs: number): void {
    const gateway = this.of(sender, nowMs);
    this.counts.useless++;
    gateway.pausedUntilMs = nowMs + USELESS_PAUSE_MS;
    if (gateway.useless.take(1, nowMs) > 0) throw this.refusal(gateway, 'This gateway sent too many useless messages.', nowMs);
  }

  private refusal(gateway: Gateway, why: string, nowMs: number): FleetError {
    const quietMs = nowMs - gateway.refusedUntilMs;
    const forgiven = quietMs > 0 ? Math.floor(quietMs / FORGIVEN_MS) : 0;
    gateway.refusals = Math.min(MAX_REFUSALS, Math.max(0, gateway.refusals - forgiven) + 1);
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (gateway.refusals - 1));
    gateway.refusedUntilMs = nowMs + waitMs;
    this.counts.refused++;
    return limited(why, waitMs);
  }

  private of({ gatewayId }: Sender, nowMs: number): Gateway {
    const known = this.gateways.get(gatewayId);
    const gateway = known ?? new Gateway();
    gateway.lastMs = nowMs;
    if (!known) {
      this.forgetQuiet(nowMs);
      this.gateways.set(gatewayId, gateway);
    }
    return gateway;
  }

  private tenant(tenantId: string): Budget {
    const known = this.tenants.get(tenantId) ?? new Budget(OF_TENANT);
    this.tenants.set(tenantId, known);
    return known;
  }

  /** Forgets gateways that were quiet for the longest refusal: they are equivalent to new ones. */
  private forgetQuiet(nowMs: number): void {
    if (this.gateways.size < MAX_REMEMBERED) return;
    for (const [id, { lastMs, openAnswers }] of this.gateways)
      if (nowMs - lastMs > FORGIVEN_MS && openAnswers === 0) this.gateways.delete(id);
  }
}

function limited(why: string, waitMs: number): FleetError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new FleetError('RATE_LIMITED', `${why} Connect again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
}
