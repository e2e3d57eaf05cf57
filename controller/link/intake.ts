import { FleetError } from '../../proto/model/error-codes.ts';
import { Bucket, type Rate } from '../platform/bucket.ts';

/** What something that came in costs. A write is a transaction in Postgres. */
export interface Cost {
  messages?: number;
  bytes?: number;
  writes?: number;
}

type Unit = keyof Cost;

/** Of one gateway. An honest one that brings a day of samples and reports of half a million flows stays within them. */
const OF_GATEWAY: Record<Unit, Rate> = {
  messages: { perSecond: 200, burst: 2_000 },
  bytes: { perSecond: 4 * 1024 * 1024, burst: 48 * 1024 * 1024 },
  writes: { perSecond: 20, burst: 300 },
};
/**
 * Of all gateways of a tenant together: what a thousand of them need after an outage. They slow each other down; nobody is cut for the
 * others.
 */
const OF_TENANT: Record<Unit, Rate> = {
  messages: { perSecond: 5_000, burst: 50_000 },
  bytes: { perSecond: 64 * 1024 * 1024, burst: 512 * 1024 * 1024 },
  writes: { perSecond: 500, burst: 5_000 },
};
/** Streams that begin: an agent that dials again and again, or that answers what nobody asked. */
const SESSIONS: Rate = { perSecond: 0.5, burst: 30 };
const ANSWERS: Rate = { perSecond: 50, burst: 500 };
/** Answers of one gateway at one time: more than it is asked at once. One that never ends would hold its place for a minute. */
const MAX_OPEN_ANSWERS = 64;
/** Messages that are of no use: about commands that are not the gateway's, in no order, that cannot be decoded. */
const USELESS: Rate = { perSecond: 0.2, burst: 10 };
/** How long nothing more is read from who sent something of no use: finding that out costs the others, so it comes in drops. */
const USELESS_PAUSE_MS = 250;
/** How long an agent may be held back before it is cut: one that is honest is through by then. */
const HELD_BACK_MS: Rate = { perSecond: 50, burst: 60_000 };

/** The first refusal lasts a second, each further one twice as long, ten minutes at most. Ten minutes without one halve the next. */
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 600_000;
const FORGIVEN_MS = 600_000;
/** Those after the longest wait are not counted, so that it is forgiven as soon. */
const MAX_REFUSALS = 11;
/** Gateways and tenants that are remembered; beyond, those that were quiet for long are forgotten. */
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

/** Who sends. */
export interface Sender {
  gatewayId: string;
  tenantId: string;
}

/** What intake has done since the controller began. */
export interface IntakeCounts {
  refused: number;
  useless: number;
  heldBackMs: number;
}

/**
 * What a gateway may send, in messages, bytes, writes, streams and nonsense. It is asked before anything is decoded, looked up or kept.
 *
 *   within its budget ──▶ taken at once
 *   beyond it         ──▶ held back: its stream is not read, and TCP slows it down
 *   of no use         ──▶ held back for a moment, whatever its budget
 *   held back for long, or of no use again and again ──▶ told (RATE_LIMITED), cut, and refused for 1 s, 2 s, 4 s … 10 min
 *
 * It outlives sessions, so that dialling again begins nothing anew. Time is the caller's, in milliseconds.
 */
export class Intake {
  readonly counts: IntakeCounts = { refused: 0, useless: 0, heldBackMs: 0 };
  private readonly gateways = new Map<string, Gateway>();
  private readonly tenants = new Map<string, Budget>();

  /**
   * A stream begins. Throws RATE_LIMITED with the seconds to wait while the gateway is refused, or where it begins too many. An answer that
   * has begun ends with `endAnswer`.
   */
  begin(sender: Sender, stream: 'session' | 'answer', nowMs: number): void {
    const gateway = this.of(sender, nowMs);
    const waitMs = gateway.refusedUntilMs - nowMs;
    if (waitMs > 0) {
      this.counts.refused++;
      throw limited('This gateway sent more than it may.', waitMs);
    }
    const bucket = stream === 'session' ? gateway.sessions : gateway.answers;
    if (bucket.take(1, nowMs) > 0) throw this.refusal(gateway, `This gateway began too many ${stream}s.`, nowMs);
    if (stream === 'session') return;
    if (gateway.openAnswers >= MAX_OPEN_ANSWERS) throw this.refusal(gateway, 'This gateway holds too many answers open.', nowMs);
    gateway.openAnswers++;
  }

  /** An answer that had begun is over. */
  endAnswer({ gatewayId }: Sender): void {
    const gateway = this.gateways.get(gatewayId);
    if (gateway) gateway.openAnswers--;
  }

  /** How long to hold the sender back before what it sent is handled. Throws RATE_LIMITED once that has been too long in all. */
  take(sender: Sender, cost: Cost, nowMs: number): number {
    const gateway = this.of(sender, nowMs);
    const ownMs = gateway.budget.take(cost, nowMs);
    const waitMs = Math.max(ownMs, this.tenant(sender.tenantId).take(cost, nowMs), gateway.pausedUntilMs - nowMs);
    this.counts.heldBackMs += waitMs;
    if (ownMs > 0 && gateway.heldBack.take(ownMs, nowMs) > 0) throw this.refusal(gateway, 'This gateway sent more than it may.', nowMs);
    return waitMs;
  }

  /** What came was of no use: the next that comes is held back. Throws RATE_LIMITED where that happens again and again. */
  noteUseless(sender: Sender, nowMs: number): void {
    const gateway = this.of(sender, nowMs);
    this.counts.useless++;
    gateway.pausedUntilMs = nowMs + USELESS_PAUSE_MS;
    if (gateway.useless.take(1, nowMs) > 0) throw this.refusal(gateway, 'This gateway sent too much that is of no use.', nowMs);
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

  /** A gateway that was quiet for as long as the longest refusal is as one that was never seen. */
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
