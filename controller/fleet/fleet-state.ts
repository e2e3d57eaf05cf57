import { silentAt, type CertificateLives, type GatewayReading } from '../gateways/gateway-view.ts';
import { inScope, type TenantScope } from '../platform/tenant-scope.ts';
import { toMember, type Member } from './member.ts';
import { inOrder, type Order } from './order.ts';

/** A gateway of which nothing is heard is read again this long before it counts as silent: its heartbeats are stored without a notice. */
const CHECK_MS = 5000;
/** And again while it is silent, less and less often: after a quarter of the time since. */
const CHECK_SHARE = 4;
/** The clock is corrected by less all the time; one that goes back further was wrong before. */
const SET_BACK_MS = 60_000;

/** What one caller may see of the fleet. */
export interface Seen extends Iterable<Member> {
  get(id: string): Member | undefined;
  ordered(order: Order): Member[];
}

/**
 * Every gateway of the fleet as last read, and what it looks like at `asOfMs`. Whoever is served from it is served by `seenBy`, the one
 * place where members are filtered by tenant: row-level security does not do so here.
 */
export class FleetState {
  readonly #readings = new Map<string, GatewayReading & { readAtMs: number }>();
  readonly #members = new Map<string, Member>();
  readonly #sorted = new Map<Order, string[]>();
  #asOfMs = 0;

  constructor(private readonly lives: CertificateLives) {}

  /** Changes until this time are known. */
  get asOfMs(): number {
    return this.#asOfMs;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Takes what was read of the gateways asked for: those of which nothing came do not exist any more. */
  put(asked: Iterable<string>, readings: GatewayReading[], readAtMs: number): void {
    const found = new Set(readings.map(({ row }) => row.id));
    for (const reading of readings) {
      this.#readings.set(reading.row.id, { ...reading, readAtMs });
      this.show(reading, Math.max(this.#asOfMs, readAtMs));
    }
    for (const id of asked) if (!found.has(id)) this.remove(id);
  }

  /** Forgets those that are not among all that there are. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#members.keys()) if (!ids.has(id)) this.remove(id);
  }

  /** Shows the fleet as of a time: gateways go silent and certificates become overdue by time alone. Goes back only with the clock. */
  advance(nowMs: number): void {
    const isSetBack = nowMs < this.#asOfMs - SET_BACK_MS;
    if (nowMs <= this.#asOfMs && !isSetBack) return;
    this.#asOfMs = nowMs;
    for (const { id, changesAtMs } of this.#members.values())
      if (isSetBack || (changesAtMs !== undefined && changesAtMs <= nowMs)) this.show(this.#readings.get(id)!, nowMs);
  }

  /** Gateways that go silent soon or went, as far as was read: they are read again before that is believed. */
  toCheck(nowMs: number): string[] {
    const ids: string[] = [];
    for (const { row, readAtMs } of this.#readings.values()) {
      const silentMs = nowMs - (silentAt(row) ?? Infinity);
      if (silentMs >= -CHECK_MS && nowMs - readAtMs >= Math.max(CHECK_MS, silentMs / CHECK_SHARE)) ids.push(row.id);
    }
    return ids;
  }

  /** What a caller of these tenants may see, and nothing else. */
  seenBy(scope: TenantScope): Seen {
    const sees = (member: Member | undefined): member is Member => member !== undefined && inScope(scope, member.tenantId);
    const members = this.#members;
    const sorted = (order: Order): string[] => this.sortedIds(order);
    return {
      *[Symbol.iterator]() {
        for (const member of members.values()) if (sees(member)) yield member;
      },
      get(id) {
        const member = members.get(id);
        return sees(member) ? member : undefined;
      },
      ordered: (order) =>
        sorted(order)
          .flatMap((id) => members.get(id) ?? [])
          .filter(sees),
    };
  }

  private show(reading: GatewayReading, nowMs: number): void {
    const before = this.#members.get(reading.row.id);
    const member = toMember(reading, this.lives, nowMs);
    this.#members.set(member.id, member);
    if (!before || !hasSamePlace(before, member)) this.#sorted.clear();
  }

  private remove(id: string): void {
    this.#readings.delete(id);
    if (this.#members.delete(id)) this.#sorted.clear();
  }

  private sortedIds(order: Order): string[] {
    const known = this.#sorted.get(order) ?? [...this.#members.values()].toSorted(inOrder(order)).map(({ id }) => id);
    this.#sorted.set(order, known);
    return known;
  }
}

function hasSamePlace(a: Member, b: Member): boolean {
  return a.name === b.name && a.siteName === b.siteName && a.tenantName === b.tenantName;
}
