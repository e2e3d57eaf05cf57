import { serviceOf } from '../../../proto/model/services.ts';
import { allRows, formatAddress4, origShape, SHAPE, type Columns } from '../rows/columns.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { stateText } from '../wire/states.ts';
import { IntTable } from '../rows/int-table.ts';
import type { Breakdown, Facet } from '../table.ts';
import { IPS } from '../../../proto/model/status.ts';
import { breakdownOf, facetsOf, stateWord, TOP_SOURCES, type Counts, type Translations } from './tally.ts';

/** How a protocol and a port are one number; NO_PORT stands for rows without ports. */
const NO_PORT = 0x1_0000;
const PROTO = 0x2_0000;

/** Facets of these rows. */
export function facetsOfRows(rows: Uint32Array, columns: Columns, { wans }: Surroundings): Facet[] {
  const { proto, shape, dport } = columns.common;
  const kinds = kindsOf(rows, columns);
  // By protocol and port: a column of all ports of each protocol costs more than the few rows that most searches find.
  const counts = new IntTable();
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    counts.count(proto[row]! * PROTO + (origShape(shape[row]!) === SHAPE.ports ? dport[row]! : NO_PORT));
  }
  const byPort = new Map<number, number>();
  const byApp = new Map<string, number>();
  for (const [kind, flows] of counts.entries()) {
    const port = kind % PROTO < NO_PORT ? kind % PROTO : undefined;
    if (port !== undefined) byPort.set(port, (byPort.get(port) ?? 0) + flows);
    const app = serviceOf(Math.floor(kind / PROTO), port);
    if (app !== undefined) byApp.set(app, (byApp.get(app) ?? 0) + flows);
  }
  return facetsOf({
    ...kinds,
    wans: wanCounts(rows, columns, wans),
    ports: byPort,
    apps: byApp,
    translated: translated(rows, columns),
  });
}

/** The breakdown of all rows. `isStale` is absent if staleness cannot be known. */
export function breakdownOfRows(columns: Columns, { nowMs, wans }: Surroundings, isStale?: (row: number) => boolean): Breakdown {
  const rows = allRows(columns.count);
  const byWan = new Map(wanCounts(rows, columns, wans));
  const none = columns.count - [...byWan.values()].reduce((sum, flows) => sum + flows, 0);
  if (none > 0) byWan.set('none', none);
  const staleWans = isStale ? wanCounts(rows.filter(isStale), columns, wans) : [];
  return breakdownOf(
    { ...kindsOf(rows, columns), wans: byWan, staleWans, sources: topSources(columns), translations: translations(columns) },
    nowMs,
    columns.count,
  );
}

/** Counts by protocol, state and status. Rows are counted by number first, and each kind is named once. */
function kindsOf(
  rows: Uint32Array,
  { common: { proto, state, status } }: Columns,
): { protos: Counts<number>; states: Counts<string>; statuses: Counts<number> } {
  const byProto = new Uint32Array(256);
  const kinds = new IntTable();
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    byProto[proto[row]!]!++;
    kinds.count((state[row]! << 16) | (status[row]! & 0xffff)); // there are sixteen status bits
  }
  const states = new Map<string, number>();
  const statuses = new Map<number, number>();
  for (const [kind, flows] of kinds.entries()) {
    const bits = kind & 0xffff;
    const word = stateWord({ state: stateText(kind >>> 16), status: bits });
    states.set(word, (states.get(word) ?? 0) + flows);
    statuses.set(bits, (statuses.get(bits) ?? 0) + flows);
  }
  return { protos: [...byProto.entries()].filter(([, flows]) => flows > 0), states, statuses };
}

function wanCounts(rows: Uint32Array, columns: Columns, wans: Surroundings['wans']): [string, number][] {
  const indexes = wans.ofRows(columns);
  const counts = new Uint32Array(wans.names.length);
  for (let index = 0; index < rows.length; index++) {
    const wan = indexes[rows[index]!]!;
    if (wan >= 0) counts[wan]!++;
  }
  return wans.names.flatMap((name, index): [string, number][] => (counts[index]! > 0 ? [[name, counts[index]!]] : []));
}

/**
 * The sources with most rows, and some more; only candidates for the top are formatted: a table has a hundred thousand sources with one
 * flow each.
 */
function topSources({ count, common: { family, origSrc }, addresses6 }: Columns): [string, number][] {
  const v6 = new Uint32Array(addresses6.count);
  const v4 = new IntTable(4096);
  for (let row = 0; row < count; row++) {
    if (family[row] === 4) v4.count(origSrc[row]!);
    else v6[origSrc[row]!]!++;
  }
  const top = v4.largest(TOP_SOURCES, textOrder).map(([address, flows]): [string, number] => [formatAddress4(address), flows]);
  const least = top.length === TOP_SOURCES ? top[TOP_SOURCES - 1]![1] : 1;
  for (let index = 0; index < v6.length; index++) if (v6[index]! >= least) top.push([addresses6.textOf(index), v6[index]!]);
  return top;
}

/** Rows by each address that their source or destination is translated to; the same address for both counts once. */
function translated(rows: Uint32Array, { common: { family, status, replySrc, replyDst }, addresses6 }: Columns): [string, number][] {
  const counts = new AddressTable(addresses6);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    const bits = status[row]!;
    if ((bits & (IPS.SRC_NAT | IPS.DST_NAT)) === 0) continue;
    if (bits & IPS.SRC_NAT) counts.count(family[row]!, replyDst[row]!);
    if (bits & IPS.DST_NAT && !(bits & IPS.SRC_NAT && replySrc[row] === replyDst[row])) counts.count(family[row]!, replySrc[row]!);
  }
  return counts.entries();
}

/** Rows by the address that their source is translated to, and by protocol. */
function translations({ count, common: { family, proto, status, replyDst }, addresses6 }: Columns): Translations {
  const tables: (AddressTable | undefined)[] = Array.from({ length: 256 });
  for (let row = 0; row < count; row++) {
    if ((status[row]! & IPS.SRC_NAT) === 0) continue;
    (tables[proto[row]!] ??= new AddressTable(addresses6)).count(family[row]!, replyDst[row]!);
  }
  return tables.flatMap((table, number) => (table ? table.entries().map(([address, flows]) => ({ address, proto: number, flows })) : []));
}

/** Counts of addresses of both families, of which a gateway has few. */
class AddressTable {
  readonly #v4 = new IntTable(16);
  readonly #v6 = new Map<number, number>();
  readonly #addresses6: Columns['addresses6'];

  constructor(addresses6: Columns['addresses6']) {
    this.#addresses6 = addresses6;
  }

  count(family: number, address: number): void {
    if (family === 4) this.#v4.count(address);
    else this.#v6.set(address, (this.#v6.get(address) ?? 0) + 1);
  }

  entries(): [string, number][] {
    return [
      ...this.#v4.entries().map(([address, flows]): [string, number] => [formatAddress4(address), flows]),
      ...[...this.#v6].map(([index, flows]): [string, number] => [this.#addresses6.textOf(index), flows]),
    ];
  }
}

/** The rank of each octet when octets are sorted as text followed by the dot or the end. */
const OCTET_ORDER = Uint8Array.from(
  Array.from({ length: 256 }, (_, octet) => `${octet}.`)
    .toSorted()
    .map((text, place) => [Number.parseInt(text, 10), place] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, place]) => place),
);

/** A number that sorts IPv4 addresses in the order of their texts, without formatting them. */
function textOrder(address: number): number {
  return (
    ((OCTET_ORDER[address >>> 24]! << 24) |
      (OCTET_ORDER[(address >>> 16) & 0xff]! << 16) |
      (OCTET_ORDER[(address >>> 8) & 0xff]! << 8) |
      OCTET_ORDER[address & 0xff]!) >>>
    0
  );
}
