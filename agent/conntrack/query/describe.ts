import type { Counters, Family, Flow, FlowKey, Tracker, Tuple } from '../../../proto/model/flow.ts';
import { formatAddress4, NO_TIMEOUT, origShape, replyShape, SHAPE, type Columns } from '../rows/columns.ts';
import { compileFilter, orAbsent, type Predicate } from './compile-filter.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { toIdle } from '../idle/idle.ts';
import { idleOfRows, type RowIdle } from '../idle/idle-rows.ts';
import { labelTexts } from '../proc/labels.ts';
import { STALENESS } from '../stale/stale.ts';
import type { FlowContext, FoundFlow } from '../table.ts';
import type { Entry } from '../wire/entry.ts';
import { TCP_FLAG } from '../wire/protoinfo.ts';
import { stateText } from '../wire/states.ts';

/** Finds the entry that now has an original tuple and zone. */
export type FindEntry = (key: Omit<FlowKey, 'id'>) => Pick<Entry, 'id'> | undefined;

/** Turns rows into flows to be shown: names of labels, idle time, WAN, the reason for its protection, the id of its master. */
export class Describer {
  readonly #columns: Columns;
  readonly #surroundings: Surroundings;
  readonly #protections: { reason: string; matches: Predicate }[];
  readonly #idle: RowIdle;
  readonly #find: FindEntry;

  /** Throws FILTER_UNSUPPORTED if a protection cannot be evaluated here; a protection is never ignored. */
  constructor(columns: Columns, surroundings: Surroundings, protections: FlowContext['protections'], find: FindEntry) {
    this.#columns = columns;
    this.#surroundings = surroundings;
    this.#protections = protections.map(({ reason, filter }) => ({ reason, matches: compileFilter(filter, columns, surroundings) }));
    this.#idle = idleOfRows(columns, surroundings);
    this.#find = find;
  }

  /** The flow, with what would happen to its next packets if that was requested. */
  found(row: number): FoundFlow {
    const prospect = present(this.#columns.rare.prospect, row);
    return prospect === undefined ? this.flow(row) : { ...this.flow(row), prospect: this.#columns.prospects[prospect] };
  }

  flow(row: number): Flow {
    const { common, rare, labelSets, helpers, masters } = this.#columns;
    const { labels, wans } = this.#surroundings;
    const [timeout, labelSet, helper, master] = [
      common.timeout[row]!,
      present(rare.labels, row),
      present(rare.helper, row),
      masters.get(row),
    ];
    const stale = present(rare.stale, row);
    const wan = wans.ofRows(this.#columns)[row]!;
    const key = keyOf(this.#columns, row);
    return {
      ...key,
      reply: tupleOf(this.#columns, row, 'reply'),
      status: common.status[row]!,
      mark: common.mark[row]!,
      state: stateText(common.state[row]!),
      timeoutSeconds: timeout === NO_TIMEOUT ? undefined : timeout,
      origCounters: countersOf(rare.origPackets, rare.origBytes, row),
      replyCounters: countersOf(rare.replyPackets, rare.replyBytes, row),
      helper: helper === undefined ? undefined : helpers[helper],
      labels: labelSet === undefined ? [] : labelTexts(labelSets[labelSet]!, labels),
      ...toIdle(this.#idle(row)),
      startedAtMs: orAbsent(common.startedAtMs[row]!),
      rateBitsPerSecond: present(rare.rate, row),
      // A flow and its master are in the same zone: expectations are looked up by it (nf_conntrack_expect.c).
      master: master && this.#masterKey({ family: key.family, proto: master.proto, orig: master.tuple, zone: key.zone }),
      stale: stale === undefined ? undefined : STALENESS[stale],
      tracker: this.#tracker(row),
      wan: wan < 0 ? undefined : wans.names[wan],
      protectedBy: this.#protections.find(({ matches }) => matches(row))?.reason,
    };
  }

  #tracker(row: number): Tracker | undefined {
    const {
      common: { tcpFlags, windowScale },
      trackers,
    } = this.#columns;
    const rare = trackers.get(row);
    if (!(tcpFlags[row]! & TCP_FLAG.WINDOW_SCALE)) return rare;
    return { ...rare, windowScale: { orig: windowScale[row]! & 0xf, reply: windowScale[row]! >> 4 } };
  }

  /** The kernel reports only a master's tuple. One that has left the table has no id to identify it. */
  #masterKey(key: Omit<FlowKey, 'id'>): FlowKey | undefined {
    const entry = this.#find(key);
    return entry && { ...key, id: entry.id };
  }
}

/** The key of a row. */
export function keyOf(columns: Columns, row: number): FlowKey {
  const { family, proto, zone, id } = columns.common;
  return { family: family[row] as Family, proto: proto[row]!, orig: tupleOf(columns, row, 'orig'), zone: zone[row]!, id: id[row]! };
}

function tupleOf(columns: Columns, row: number, direction: 'orig' | 'reply'): Tuple {
  const { common, rare } = columns;
  const isOrig = direction === 'orig';
  const [src, dst] = isOrig ? (['origSrc', 'origDst'] as const) : (['replySrc', 'replyDst'] as const);
  const a = (isOrig ? common.sport : common.rsport)[row]!;
  const b = (isOrig ? common.dport : common.rdport)[row]!;
  const tuple: Tuple = { src: addressText(columns, row, src), dst: addressText(columns, row, dst) };
  switch ((isOrig ? origShape : replyShape)(common.shape[row]!)) {
    case SHAPE.ports:
      [tuple.sport, tuple.dport] = [a, b];
      break;
    case SHAPE.keys:
      [tuple.srcKey, tuple.dstKey] = [a, b];
      break;
    case SHAPE.icmp:
      tuple.icmp = { type: b >> 8, code: b & 0xff, id: a };
      break;
  }
  const zone = present(isOrig ? rare.origZone : rare.replyZone, row);
  if (zone !== undefined) tuple.zone = zone;
  return tuple;
}

function present(column: Float64Array | undefined, row: number): number | undefined {
  return column && orAbsent(column[row]!);
}

/** One address of a row, as text. */
export function addressText({ common, addresses6 }: Columns, row: number, side: 'origSrc' | 'origDst' | 'replySrc' | 'replyDst'): string {
  const address = common[side][row]!;
  return common.family[row] === 4 ? formatAddress4(address) : addresses6.textOf(address);
}

function countersOf(packets: Float64Array | undefined, bytes: Float64Array | undefined, row: number): Counters | undefined {
  if (!packets || !bytes || Number.isNaN(packets[row]!)) return undefined;
  return { packets: BigInt(packets[row]!), bytes: BigInt(bytes[row]!) };
}
