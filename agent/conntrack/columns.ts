import { AttributeReader } from '../netlink/attributes.ts';
import { Addresses6 } from './addresses6.ts';
import { CTA_COUNTERS_BYTES, CTA_COUNTERS_PACKETS, TUPLE_NAMES } from './wire/constants.ts';
import { networkU32, type RawEntry, type RawTuple } from './wire/raw-entry.ts';
import { decodeTuple, type ProtoTuple } from './wire/tuple.ts';

/** `timeout` of an entry that has none (an offloaded flow). */
export const NO_TIMEOUT = 0xffffffff;

/** What `sport` and `dport` of a direction hold. */
export const SHAPE = { none: 0, ports: 1, keys: 2, icmp: 3 } as const;
const REPLY_SHAPE_SHIFT = 4;

/** Columns that every row has, and how wide they are. */
const COLUMNS = {
  id: Uint32Array, status: Uint32Array, mark: Uint32Array, timeout: Uint32Array,
  /** IPv4 as a number, IPv6 as a number of `addresses6`. */
  origSrc: Uint32Array, origDst: Uint32Array, replySrc: Uint32Array, replyDst: Uint32Array,
  /** Ports, keys, or ICMP's id and `type << 8 | code`, as `shape` says. */
  sport: Uint16Array, dport: Uint16Array, rsport: Uint16Array, rdport: Uint16Array,
  zone: Uint16Array,
  /** `CTA_PROTOINFO_* << 8 | number`, 0 where the protocol has no states. */
  state: Uint16Array,
  family: Uint8Array, proto: Uint8Array, tcpFlags: Uint8Array, shape: Uint8Array,
  /** NaN where the kernel kept no time. */
  startedAtMs: Float64Array,
} as const;

/** Columns that come into being with the first row that has something to put there; NaN in all other rows. `labels` and `helper` are numbers of `labelSets` and `helpers`; `rate` is in bits a second. */
const RARE_NAMES = ['origPackets', 'origBytes', 'replyPackets', 'replyBytes', 'origZone', 'replyZone', 'labels', 'helper', 'rate'] as const;
type RareName = (typeof RARE_NAMES)[number];

type Common = { [Name in keyof typeof COLUMNS]: ReturnType<(typeof COLUMNS)[Name]['from']> };
type Rare = { [Name in RareName]?: Float64Array<ArrayBuffer> };

const COMMON_NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];

/** Columns as they cross threads: typed arrays and what they point to. */
export interface ColumnData { count: number; common: Common; rare: Rare; addresses6: Uint8Array<ArrayBuffer>; labelSets: Uint8Array[]; helpers: string[]; masters: Map<number, ProtoTuple> }

/**
 * Entries as columns: 54 bytes a row, 32 more where packets are counted, and no object for any of them. Rows are appended once and then read;
 * arrays are replaced as they grow, so take them from here after the last row.
 */
export class Columns {
  count = 0;
  common: Common;
  readonly rare: Rare = {};
  readonly addresses6: Addresses6;
  readonly labelSets: Uint8Array[] = [];
  readonly helpers: string[] = [];
  /** The original tuple of the flow that expected a row. */
  readonly masters = new Map<number, ProtoTuple>();
  readonly #labelSetOf = new Map<string, number>();
  #capacity: number;

  constructor(capacity: number, addresses6 = new Addresses6()) {
    this.#capacity = Math.max(16, capacity);
    this.common = commonOf(this.#capacity);
    this.addresses6 = addresses6;
  }

  /** The rows that crossed threads. */
  static from({ count, common, rare, addresses6, labelSets, helpers, masters }: ColumnData): Columns {
    const columns = new Columns(0, new Addresses6(addresses6));
    columns.count = columns.#capacity = count;
    columns.common = common;
    Object.assign(columns.rare, rare);
    columns.labelSets.push(...labelSets);
    columns.helpers.push(...helpers);
    for (const [row, master] of masters) columns.masters.set(row, master);
    return columns;
  }

  /** Copies an entry. Throws DecodeError where its counters or its master are not what they should be; the row then does not count. */
  append(entry: RawEntry): void {
    if (this.count === this.#capacity) this.#grow();
    const row = this.count;
    const { orig, reply, bytes } = entry;
    const { common, addresses6 } = this;
    const isV4 = entry.family === 4;
    common.id[row] = entry.id;
    common.status[row] = entry.status;
    common.mark[row] = entry.mark;
    common.timeout[row] = entry.timeout < 0 ? NO_TIMEOUT : entry.timeout;
    common.origSrc[row] = isV4 ? networkU32(bytes, orig.src) : addresses6.intern(bytes, orig.src);
    common.origDst[row] = isV4 ? networkU32(bytes, orig.dst) : addresses6.intern(bytes, orig.dst);
    common.replySrc[row] = isV4 ? networkU32(bytes, reply.src) : addresses6.intern(bytes, reply.src);
    common.replyDst[row] = isV4 ? networkU32(bytes, reply.dst) : addresses6.intern(bytes, reply.dst);
    common.sport[row] = first(orig);
    common.dport[row] = second(orig);
    common.rsport[row] = first(reply);
    common.rdport[row] = second(reply);
    common.shape[row] = shapeOf(orig) | (shapeOf(reply) << REPLY_SHAPE_SHIFT);
    common.zone[row] = entry.zone;
    common.state[row] = entry.state < 0 ? 0 : (entry.stateKind << 8) | entry.state;
    common.family[row] = entry.family;
    common.proto[row] = entry.proto;
    common.tcpFlags[row] = entry.tcpFlags;
    common.startedAtMs[row] = entry.startedAtMs() ?? Number.NaN;
    this.#appendCounters(row, entry);
    if (orig.zone >= 0) this.ensure('origZone')[row] = orig.zone;
    if (reply.zone >= 0) this.ensure('replyZone')[row] = reply.zone;
    if (entry.labels >= 0) this.ensure('labels')[row] = this.#labelSet(bytes.subarray(entry.labels, entry.labels + entry.labelsLength));
    const helper = entry.helper();
    if (helper !== undefined) this.ensure('helper')[row] = this.#helperName(helper);
    if (entry.master >= 0) {
      const attributes = new AttributeReader(bytes, TUPLE_NAMES, entry.master, entry.masterEnd);
      this.masters.set(row, decodeTuple(attributes, entry.family, 'CTA_TUPLE_MASTER'));
    }
    this.count++;
  }

  /** A rare column, made if there is none. */
  ensure(name: RareName): Float64Array<ArrayBuffer> {
    return (this.rare[name] ??= new Float64Array(this.#capacity).fill(Number.NaN));
  }

  /** Copies of these rows, in their order. */
  pick(rows: Uint32Array): ColumnData {
    const common = commonOf(rows.length);
    for (const name of COMMON_NAMES) gather(this.common[name], rows, common[name]);
    const rare: Rare = {};
    for (const name of RARE_NAMES) {
      const from = this.rare[name];
      if (from) gather(from, rows, (rare[name] = new Float64Array(rows.length)));
    }
    const masters = new Map<number, ProtoTuple>();
    if (this.masters.size > 0) rows.forEach((row, index) => {
      const master = this.masters.get(row);
      if (master) masters.set(index, master);
    });
    return { count: rows.length, common, rare, addresses6: this.#pickAddresses(common), labelSets: this.labelSets, helpers: this.helpers, masters };
  }

  /** The addresses that the picked rows name, under new numbers, which take the place of the old ones in `common`. */
  #pickAddresses({ family, origSrc, origDst, replySrc, replyDst }: Common): Uint8Array<ArrayBuffer> {
    const picked = new Addresses6();
    if (this.addresses6.count === 0) return picked.bytes;
    const { bytes } = this.addresses6;
    for (const column of [origSrc, origDst, replySrc, replyDst]) {
      for (let row = 0; row < column.length; row++) if (family[row] === 6) column[row] = picked.intern(bytes, column[row]! * 16);
    }
    return picked.bytes.slice(0, picked.count * 16);
  }

  #appendCounters(row: number, entry: RawEntry): void {
    if (entry.hasCounters('orig')) {
      this.ensure('origPackets')[row] = entry.counter('orig', CTA_COUNTERS_PACKETS);
      this.ensure('origBytes')[row] = entry.counter('orig', CTA_COUNTERS_BYTES);
    }
    if (entry.hasCounters('reply')) {
      this.ensure('replyPackets')[row] = entry.counter('reply', CTA_COUNTERS_PACKETS);
      this.ensure('replyBytes')[row] = entry.counter('reply', CTA_COUNTERS_BYTES);
    }
  }

  #labelSet(bits: Uint8Array): number {
    const key = Buffer.from(bits.buffer, bits.byteOffset, bits.length).toString('latin1');
    let index = this.#labelSetOf.get(key);
    if (index === undefined) {
      index = this.labelSets.push(bits.slice()) - 1;
      this.#labelSetOf.set(key, index);
    }
    return index;
  }

  #helperName(name: string): number {
    const index = this.helpers.indexOf(name);
    return index >= 0 ? index : this.helpers.push(name) - 1;
  }

  #grow(): void {
    this.#capacity = Math.ceil(this.#capacity * 1.5);
    const common = commonOf(this.#capacity);
    for (const name of COMMON_NAMES) common[name].set(this.common[name]);
    this.common = common;
    for (const name of RARE_NAMES) {
      const from = this.rare[name];
      if (from) (this.rare[name] = new Float64Array(this.#capacity).fill(Number.NaN)).set(from);
    }
  }
}

/** What `sport` and `dport` of the original direction hold. */
export function origShape(shape: number): number {
  return shape & 0xf;
}

/** What `rsport` and `rdport` hold. */
export function replyShape(shape: number): number {
  return shape >> REPLY_SHAPE_SHIFT;
}

function commonOf(capacity: number): Common {
  return Object.fromEntries(COMMON_NAMES.map((name) => [name, new COLUMNS[name](capacity)])) as unknown as Common;
}

function gather(from: ArrayLike<number>, rows: Uint32Array, to: { [row: number]: number }): void {
  for (let index = 0; index < rows.length; index++) to[index] = from[rows[index]!]!;
}

function shapeOf(tuple: RawTuple): number {
  if (tuple.sport >= 0) return SHAPE.ports;
  if (tuple.icmpId >= 0) return SHAPE.icmp;
  return tuple.srcKey >= 0 ? SHAPE.keys : SHAPE.none;
}

function first(tuple: RawTuple): number {
  return tuple.sport >= 0 ? tuple.sport : tuple.icmpId >= 0 ? tuple.icmpId : tuple.srcKey >= 0 ? tuple.srcKey : 0;
}

function second(tuple: RawTuple): number {
  return tuple.dport >= 0 ? tuple.dport : tuple.icmpId >= 0 ? (tuple.icmpType << 8) | tuple.icmpCode : tuple.dstKey >= 0 ? tuple.dstKey : 0;
}
