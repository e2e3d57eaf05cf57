import { serviceOf } from '../../proto/model/services.ts';
import type { Addresses6 } from './addresses6.ts';
import { origShape, SHAPE, type Columns } from './columns.ts';
import { stateText, type Surroundings } from './compile.ts';
import type { Breakdown, Facet } from './table.ts';
import { breakdownOf, facetsOf, stateWord, TOP_SOURCES, type Counts } from './tally.ts';

const PORTS = 0x1_0000;

/** Facets of these rows. */
export function facetsOfRows(rows: Uint32Array, columns: Columns, { wans }: Surroundings): Facet[] {
  const { proto, shape, dport } = columns.common;
  const kinds = kindsOf(rows, columns);
  // Ports by protocol; the place behind the last port counts flows without ports.
  const ports = new Map<number, Uint32Array>();
  for (const row of rows) {
    let counts = ports.get(proto[row]!);
    if (!counts) ports.set(proto[row]!, (counts = new Uint32Array(PORTS + 1)));
    const port = origShape(shape[row]!) === SHAPE.ports ? dport[row]! : PORTS;
    counts[port]!++;
  }
  const byPort = new Uint32Array(PORTS);
  const byApp = new Map<string, number>();
  for (const [number, counts] of ports) {
    for (let port = 0; port <= PORTS; port++) {
      const flows = counts[port]!;
      if (flows === 0) continue;
      if (port < PORTS) byPort[port]! += flows;
      const app = serviceOf(number, port < PORTS ? port : undefined);
      if (app !== undefined) byApp.set(app, (byApp.get(app) ?? 0) + flows);
    }
  }
  return facetsOf({ ...kinds, wans: wanCounts(rows, columns, wans), ports: [...byPort.entries()].filter(([, flows]) => flows > 0), apps: byApp });
}

/** The breakdown of all rows. */
export function breakdownOfRows(columns: Columns, { nowMs, wans }: Surroundings): Breakdown {
  const rows = Uint32Array.from({ length: columns.count }, (_, row) => row);
  const byWan = new Map(wanCounts(rows, columns, wans));
  const none = columns.count - [...byWan.values()].reduce((sum, flows) => sum + flows, 0);
  if (none > 0) byWan.set('none', none);
  return breakdownOf({ ...kindsOf(rows, columns), wans: byWan, sources: topSources(columns) }, nowMs, columns.count);
}

/** Counts by protocol, state and status. Rows of a kind are counted by a number first, and named once. */
function kindsOf(rows: Uint32Array, { common: { proto, state, status } }: Columns): { protos: Counts<number>; states: Counts<string>; statuses: Counts<number> } {
  const byProto = new Uint32Array(256);
  const kinds = new Map<number, number>();
  // Neighbours in a hash have nothing in common, but most rows of a table are of a few kinds; the last kind is looked at first.
  for (const row of rows) {
    byProto[proto[row]!]!++;
    const kind = state[row]! * 0x1_0000_0000 + status[row]!;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const states = new Map<string, number>();
  const statuses = new Map<number, number>();
  for (const [kind, flows] of kinds) {
    const bits = kind % 0x1_0000_0000;
    const word = stateWord({ state: stateText(Math.floor(kind / 0x1_0000_0000)), status: bits });
    states.set(word, (states.get(word) ?? 0) + flows);
    statuses.set(bits, (statuses.get(bits) ?? 0) + flows);
  }
  return { protos: [...byProto.entries()].filter(([, flows]) => flows > 0), states, statuses };
}

function wanCounts(rows: Uint32Array, columns: Columns, wans: Surroundings['wans']): [string, number][] {
  const indexes = wans.ofRows(columns);
  const counts = new Uint32Array(wans.names.length);
  for (const row of rows) if (indexes[row]! >= 0) counts[indexes[row]!]!++;
  return wans.names.flatMap((name, index): [string, number][] => (counts[index]! > 0 ? [[name, counts[index]!]] : []));
}

/** The sources with most rows, largest first; equal ones by text. */
function topSources({ count, common: { family, origSrc }, addresses6 }: Columns): [string, number][] {
  const v6 = new Uint32Array(addresses6.count);
  const v4 = new AddressCounts(count);
  for (let row = 0; row < count; row++) {
    if (family[row] === 4) v4.add(origSrc[row]!);
    else v6[origSrc[row]!]!++;
  }
  const least = thresholdOf([v4.counts, v6]);
  const top: [string, number][] = [];
  v4.forEach((address, flows) => { if (flows >= least) top.push([`${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`, flows]); });
  addV6(top, v6, least, addresses6);
  return top;
}

function addV6(top: [string, number][], counts: Uint32Array, least: number, addresses: Addresses6): void {
  counts.forEach((flows, index) => { if (flows >= least) top.push([addresses.textOf(index), flows]); });
}

/** The count of the last source that is shown; so only those are given a text that can be among the first. */
function thresholdOf(all: Uint32Array[]): number {
  const largest = new Uint32Array(TOP_SOURCES);
  for (const counts of all) {
    for (const flows of counts) {
      if (flows <= largest[0]!) continue;
      largest[0] = flows;
      largest.sort();
    }
  }
  return Math.max(1, largest[0]!);
}

/** Counts by IPv4 address in a table of its own: a Map of a hundred thousand sources costs five times as much. */
class AddressCounts {
  readonly counts: Uint32Array;
  readonly #keys: Uint32Array;
  readonly #mask: number;

  constructor(most: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, most * 2)));
    this.#keys = new Uint32Array(slots);
    this.counts = new Uint32Array(slots);
    this.#mask = slots - 1;
  }

  add(address: number): void {
    let slot = (Math.imul(address, 0x9e3779b1) >>> 7) & this.#mask;
    while (this.counts[slot] !== 0 && this.#keys[slot] !== address) slot = (slot + 1) & this.#mask;
    this.#keys[slot] = address;
    this.counts[slot]!++;
  }

  forEach(visit: (address: number, flows: number) => void): void {
    for (let slot = 0; slot < this.counts.length; slot++) if (this.counts[slot] !== 0) visit(this.#keys[slot]!, this.counts[slot]!);
  }
}
