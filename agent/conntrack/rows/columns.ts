import type { Tracker } from '../../../proto/model/flow.ts';
import { Addresses6 } from './addresses6.ts';
import type { Prospect } from '../prospect.ts';
import type { ProtoTuple } from '../wire/tuple.ts';

/** `timeout` of an entry that has none (an offloaded flow). */
export const NO_TIMEOUT = 0xffffffff;

/** What `sport` and `dport` of a direction hold. */
export const SHAPE = { none: 0, ports: 1, keys: 2, icmp: 3 } as const;
const REPLY_SHAPE_SHIFT = 4;

/** Columns that every row has. Written out so that V8 knows the object's shape: an object built from a list of names is slow to read. */
function commonOf(capacity: number) {
  return {
    id: new Uint32Array(capacity),
    status: new Uint32Array(capacity),
    mark: new Uint32Array(capacity),
    timeout: new Uint32Array(capacity),
    /** IPv4 as a number, IPv6 as an index into `addresses6`. */
    origSrc: new Uint32Array(capacity),
    origDst: new Uint32Array(capacity),
    replySrc: new Uint32Array(capacity),
    replyDst: new Uint32Array(capacity),
    /** Ports, keys, or ICMP's id and `type << 8 | code`, as `shape` says. */
    sport: new Uint16Array(capacity),
    dport: new Uint16Array(capacity),
    rsport: new Uint16Array(capacity),
    rdport: new Uint16Array(capacity),
    zone: new Uint16Array(capacity),
    /** `CTA_PROTOINFO_* << 8 | number`, 0 if the protocol has no states. */
    state: new Uint16Array(capacity),
    family: new Uint8Array(capacity),
    proto: new Uint8Array(capacity),
    tcpFlags: new Uint8Array(capacity),
    shape: new Uint8Array(capacity),
    /** TCP window scales: the original direction's in the low four bits, the reply's in the high. */
    windowScale: new Uint8Array(capacity),
    /** NaN if the kernel keeps no timestamps. */
    startedAtMs: new Float64Array(capacity),
  };
}
type Common = ReturnType<typeof commonOf>;

/**
 * Columns created for the first row that has a value for them; NaN in all other rows. `labels` and `helper` are indexes into `labelSets`
 * and `helpers`; `rate` is in bits a second, `stale` an index into STALENESS, `wan` and `nextWan` into WanNames, `prospect` into
 * `prospects`; `idleFrom` and `idleTo` are seconds.
 */
const RARE_NAMES = [
  'origPackets',
  'origBytes',
  'replyPackets',
  'replyBytes',
  'origZone',
  'replyZone',
  'labels',
  'helper',
  'rate',
  'stale',
  'wan',
  'nextWan',
  'prospect',
  'idleFrom',
  'idleTo',
] as const;
type RareName = (typeof RARE_NAMES)[number];

type Rare = { [Name in RareName]?: Float64Array<ArrayBuffer> };

const COMMON_NAMES = Object.keys(commonOf(0)) as (keyof Common)[];

/** Columns as sent between threads: typed arrays and what they index. */
export interface ColumnData {
  count: number;
  common: Common;
  rare: Rare;
  addresses6: Uint8Array<ArrayBuffer>;
  labelSets: Uint8Array[];
  helpers: string[];
  masters: Map<number, ProtoTuple>;
  trackers: Map<number, Tracker>;
  /** Indexed by `prospect`. */ prospects?: Prospect[];
}

/**
 * Entries as columns: 55 bytes a row, 32 more if packets are counted, and no object per row. Rows are appended once and then read; arrays
 * are replaced as they grow, so fetch them only after the last row.
 */
export class Columns {
  count = 0;
  common: Common;
  readonly rare: Rare = noneOf();
  readonly addresses6: Addresses6;
  readonly labelSets: Uint8Array[] = [];
  readonly helpers: string[] = [];
  /** The original tuple of the flow that expected a row. */
  readonly masters = new Map<number, ProtoTuple>();
  /** Tracker state of a row other than window scales. */
  readonly trackers = new Map<number, Tracker>();
  readonly prospects: Prospect[] = [];
  readonly #labelSetOf = new Map<string, number>();
  #capacity: number;

  constructor(capacity: number, addresses6 = new Addresses6()) {
    this.#capacity = Math.max(16, capacity);
    this.common = commonOf(this.#capacity);
    this.addresses6 = addresses6;
  }

  /** Columns received from another thread. */
  static from({ count, common, rare, addresses6, labelSets, helpers, masters, trackers, prospects = [] }: ColumnData): Columns {
    const columns = new Columns(0, new Addresses6(addresses6));
    columns.count = columns.#capacity = count;
    columns.common = common;
    Object.assign(columns.rare, rare);
    columns.labelSets.push(...labelSets);
    columns.helpers.push(...helpers);
    columns.prospects.push(...prospects);
    for (const [row, master] of masters) columns.masters.set(row, master);
    for (const [row, tracker] of trackers) columns.trackers.set(row, tracker);
    return columns;
  }

  /**
   * Removes all rows and keeps the memory: allocating and collecting ten megabytes for each walk of 100,000 entries costs as much as
   * reading them.
   */
  clear(capacity: number): void {
    this.count = 0;
    this.addresses6.clear();
    this.labelSets.length = this.helpers.length = 0;
    this.#labelSetOf.clear();
    this.masters.clear();
    this.trackers.clear();
    const isUsable = capacity <= this.#capacity && (capacity > this.#capacity / 4 || this.#capacity <= SMALL);
    if (!isUsable) {
      this.#capacity = Math.max(16, capacity);
      this.common = commonOf(this.#capacity);
    }
    for (const name of RARE_NAMES) {
      if (isUsable) this.rare[name]?.fill(Number.NaN);
      else this.rare[name] = undefined;
    }
    // No kernel reports these: if the column exists, it was computed.
    this.rare.rate =
      this.rare.stale =
      this.rare.wan =
      this.rare.nextWan =
      this.rare.prospect =
      this.rare.idleFrom =
      this.rare.idleTo =
        undefined;
  }

  /** Makes room for one more row and returns its index; it counts once `count` includes it. */
  makeRoom(): number {
    if (this.count === this.#capacity) this.#grow();
    return this.count;
  }

  /** True if two rows have the same id, original tuple and zone. */
  isSameFlow(a: number, b: number): boolean {
    const { id, family, proto, zone, origSrc, origDst, sport, dport } = this.common;
    return (
      id[a] === id[b] &&
      origSrc[a] === origSrc[b] &&
      origDst[a] === origDst[b] &&
      sport[a] === sport[b] &&
      dport[a] === dport[b] &&
      proto[a] === proto[b] &&
      family[a] === family[b] &&
      zone[a] === zone[b] &&
      Object.is(this.rare.origZone?.[a], this.rare.origZone?.[b])
    );
  }

  /** Drops the last row. */
  dropLast(): void {
    const row = --this.count;
    for (const name of RARE_NAMES) this.rare[name]?.fill(Number.NaN, row, row + 1);
    this.masters.delete(row);
    this.trackers.delete(row);
  }

  /** A rare column, created if missing. */
  ensure(name: RareName): Float64Array<ArrayBuffer> {
    return (this.rare[name] ??= new Float64Array(this.#capacity).fill(Number.NaN));
  }

  /** Copies these rows, in the order given. */
  pick(rows: Uint32Array): ColumnData {
    const common = commonOf(rows.length);
    for (const name of COMMON_NAMES) gather(this.common[name], rows, common[name]);
    const rare = noneOf();
    for (const name of RARE_NAMES) {
      const from = this.rare[name];
      if (from) gather(from, rows, (rare[name] = new Float64Array(rows.length)));
    }
    return {
      count: rows.length,
      common,
      rare,
      addresses6: this.#pickAddresses(common),
      labelSets: this.labelSets,
      helpers: this.helpers,
      masters: ofRows(this.masters, rows),
      trackers: ofRows(this.trackers, rows),
    };
  }

  /** The addresses used by the picked rows, renumbered; replaces the old numbers in `common`. */
  #pickAddresses({ family, origSrc, origDst, replySrc, replyDst }: Common): Uint8Array<ArrayBuffer> {
    const picked = new Addresses6();
    if (this.addresses6.count === 0) return picked.bytes;
    for (const column of [origSrc, origDst, replySrc, replyDst]) {
      for (let row = 0; row < column.length; row++) if (family[row] === 6) column[row] = picked.internOf(this.addresses6, column[row]!);
    }
    return picked.bytes.slice(0, picked.count * 16);
  }

  setLabels(row: number, bits: Uint8Array): void {
    const key = Buffer.from(bits.buffer, bits.byteOffset, bits.length).toString('latin1');
    let index = this.#labelSetOf.get(key);
    if (index === undefined) {
      index = this.labelSets.push(bits.slice()) - 1;
      this.#labelSetOf.set(key, index);
    }
    this.ensure('labels')[row] = index;
  }

  setHelper(row: number, name: string): void {
    const index = this.helpers.indexOf(name);
    this.ensure('helper')[row] = index >= 0 ? index : this.helpers.push(name) - 1;
  }

  #grow(): void {
    this.#capacity = Math.max(16, Math.ceil(this.#capacity * 1.5));
    const common = commonOf(this.#capacity);
    for (const name of COMMON_NAMES) common[name].set(this.common[name]);
    this.common = common;
    for (const name of RARE_NAMES) {
      const from = this.rare[name];
      if (from) (this.rare[name] = new Float64Array(this.#capacity).fill(Number.NaN)).set(from);
    }
  }
}

/** Capacity in rows that is kept regardless of the next use. */
const SMALL = 1024;

/** The indexes 0 to `count` - 1. */
export function allRows(count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) rows[row] = row;
  return rows;
}

export function formatAddress4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/** What `sport` and `dport` of the original direction hold. */
export function origShape(shape: number): number {
  return shape & 0xf;
}

/** What `rsport` and `rdport` hold. */
export function replyShape(shape: number): number {
  return shape >> REPLY_SHAPE_SHIFT;
}

function noneOf(): Rare {
  return {
    origPackets: undefined,
    origBytes: undefined,
    replyPackets: undefined,
    replyBytes: undefined,
    origZone: undefined,
    replyZone: undefined,
    labels: undefined,
    helper: undefined,
    rate: undefined,
    stale: undefined,
    wan: undefined,
    nextWan: undefined,
    prospect: undefined,
    idleFrom: undefined,
    idleTo: undefined,
  };
}

/** The values of these rows in a map, by their new indexes. */
function ofRows<Value>(values: ReadonlyMap<number, Value>, rows: Uint32Array): Map<number, Value> {
  const picked = new Map<number, Value>();
  if (values.size === 0) return picked;
  rows.forEach((row, index) => {
    const value = values.get(row);
    if (value !== undefined) picked.set(index, value);
  });
  return picked;
}

function gather(from: ArrayLike<number>, rows: Uint32Array, to: { [row: number]: number }): void {
  for (let index = 0; index < rows.length; index++) to[index] = from[rows[index]!]!;
}
