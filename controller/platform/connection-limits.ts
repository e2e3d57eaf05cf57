import { Bucket, type Rate } from './bucket.ts';

/**
 * How many connections a port accepts, and how fast. An unproven connection has not begun a call yet: holding it open costs an attacker
 * nothing, and accepting it costs the controller a TLS handshake. `perAddress` and `arrivals` bound those that nobody vouches for. `calls`:
 * begun by one connection.
 */
export interface ConnectionLimits {
  total: number;
  perAddress: number;
  unproven: number;
  unprovenPerAddress: number;
  arrivals: Rate;
  calls: Rate;
}

type Reason = 'total' | 'perAddress' | 'unproven' | 'unprovenPerAddress' | 'arrivals' | 'refused';

interface Connection {
  host: string;
  isProven: boolean;
  isRefused: boolean;
  isVouchedFor: boolean;
  calls: Bucket;
}
interface Host {
  open: number;
  vouchedFor: number;
  unproven: number;
  refused: number;
}

/** Rate of connections from an address with only refused gateways. An honest gateway that shares it gets through among them. */
const WHILE_REFUSED: Rate = { perSecond: 1, burst: 2 };
/** Addresses whose rate is remembered before quiet ones are forgotten. */
const MAX_REMEMBERED = 10_000;

/** Open connections by address and port, and how many of them are proven. Time is the caller's, in milliseconds. */
export class Connections {
  private readonly open = new Map<string, Connection>();
  private readonly hosts = new Map<string, Host>();
  private readonly arrivals = new Map<string, Bucket>();
  private readonly refused = new Map<string, { untilMs: number; arrivals: Bucket }>();
  private unproven = 0;

  constructor(private readonly limits: ConnectionLimits) {}

  /** Admits a connection, or returns the limit that refuses it. */
  enter(peer: string, address: string, nowMs: number): Reason | undefined {
    const host = networkOf(address);
    const own = this.hosts.get(host) ?? { open: 0, vouchedFor: 0, unproven: 0, refused: 0 };
    const { total, perAddress, unproven, unprovenPerAddress, calls } = this.limits;
    if (this.open.size >= total) return 'total';
    if (own.open - own.vouchedFor >= perAddress) return 'perAddress';
    if (this.unproven >= unproven) return 'unproven';
    if (own.unproven >= unprovenPerAddress) return 'unprovenPerAddress';
    if (!this.arrivalsOf(host, nowMs).takeIfThere(1, nowMs)) return 'arrivals';
    if (this.isSlowed(host, own, nowMs)) return 'refused';
    own.open++;
    own.unproven++;
    this.unproven++;
    this.hosts.set(host, own);
    this.open.set(peer, { host, isProven: false, isRefused: false, isVouchedFor: false, calls: new Bucket(calls) });
    return undefined;
  }

  /** A call has begun on the connection, successful or not. False if there are too many. */
  beginCall(peer: string, nowMs: number): boolean {
    return this.open.get(peer)?.calls.takeIfThere(1, nowMs) ?? false;
  }

  /** A call was passed to a handler. */
  prove(peer: string): void {
    const connection = this.open.get(peer);
    if (!connection || connection.isProven) return;
    connection.isProven = true;
    this.hosts.get(connection.host)!.unproven--;
    this.unproven--;
  }

  /**
   * Whoever took a call of the connection bounds what its caller may do, by who it is. It then no longer counts against its address, which
   * a whole fleet may share.
   */
  vouch(peer: string, nowMs: number): void {
    const connection = this.open.get(peer);
    if (!connection || connection.isVouchedFor) return;
    connection.isVouchedFor = true;
    this.hosts.get(connection.host)!.vouchedFor++;
    this.arrivals.get(connection.host)?.giveBack(1, nowMs);
  }

  isProven(peer: string): boolean {
    return this.open.get(peer)?.isProven ?? false;
  }

  /**
   * The peer was told to stay away for `forMs`. Until then few connections are accepted from its network, unless others are connected from
   * there.
   */
  refuse(peer: string, forMs: number, nowMs: number): void {
    const connection = this.open.get(peer);
    if (!connection) return;
    this.prove(peer);
    if (!connection.isRefused) this.hosts.get(connection.host)!.refused++;
    connection.isRefused = true;
    const known = this.refused.get(connection.host);
    if (!known) forget(this.refused, ({ untilMs }) => untilMs <= nowMs);
    this.refused.set(connection.host, {
      untilMs: Math.max(known?.untilMs ?? 0, nowMs + forMs),
      arrivals: known?.arrivals ?? new Bucket(WHILE_REFUSED),
    });
  }

  leave(peer: string): void {
    this.prove(peer);
    const connection = this.open.get(peer);
    if (!connection) return;
    this.open.delete(peer);
    const own = this.hosts.get(connection.host)!;
    own.open--;
    if (connection.isRefused) own.refused--;
    if (connection.isVouchedFor) own.vouchedFor--;
    if (own.open === 0) this.hosts.delete(connection.host);
  }

  get size(): number {
    return this.open.size;
  }

  private isSlowed(host: string, own: Host, nowMs: number): boolean {
    const refusal = this.refused.get(host);
    if (!refusal || refusal.untilMs <= nowMs) return false;
    const others = own.open - own.unproven - own.refused;
    return others === 0 && !refusal.arrivals.takeIfThere(1, nowMs);
  }

  private arrivalsOf(host: string, nowMs: number): Bucket {
    const known = this.arrivals.get(host);
    if (known) return known;
    forget(this.arrivals, (bucket) => bucket.isFull(nowMs));
    const bucket = new Bucket(this.limits.arrivals);
    this.arrivals.set(host, bucket);
    return bucket;
  }
}

/** Makes room in a map that has grown large. */
function forget<Value>(map: Map<string, Value>, isOld: (value: Value) => boolean): void {
  if (map.size < MAX_REMEMBERED) return;
  for (const [key, value] of map) if (isOld(value)) map.delete(key);
}

/** Whoever has one IPv6 address has its whole /64. */
export function networkOf(address: string): string {
  const v4 = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!v4.includes(':')) return v4;
  const [head = '', tail] = v4.split('%')[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const whole =
    tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0'), ...after];
  return whole
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
