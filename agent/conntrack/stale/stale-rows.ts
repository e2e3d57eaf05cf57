import { forEachTerm, type FieldName, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import { formatAddress } from '../../../proto/model/address.ts';
import type { AskedRules } from './asked-rules.ts';
import type { Columns } from '../rows/columns.ts';
import type { Surroundings } from './surroundings.ts';
import { FlowView } from './flow-view.ts';
import { idleOfRows } from '../idle/idle-rows.ts';
import type { Routes } from './routes.ts';
import { kindsOfRows } from './row-kinds.ts';
import { Paths } from './paths.ts';
import { STALENESS, staleness, type Sight, type Way } from './stale.ts';
import { NO_WAN, UNKNOWN_WAN } from '../rows/wan-names.ts';
import { isWorking, type FlowContext, type WanFacts } from '../table.ts';

/** Marks a kind whose flows differ by when they began and had their last packet. */
const BY_TIME = -1;

/**
 * For each row the number of its WAN, NO_WAN or UNKNOWN_WAN, and a number of STALENESS, NaN if unknown: the columns `wan` and `stale`.
 * `nextWan`: the number of the WAN by which the flow would leave if it began now.
 */
export interface Judgement {
  wan: Float64Array<ArrayBuffer>;
  stale: Float64Array<ArrayBuffer>;
  nextWan: Float64Array<ArrayBuffer> | undefined;
}

/** What rows are judged by, in addition to their columns. */
export interface Evidence extends Pick<FlowContext, 'wans' | 'virtualAddresses'> {
  routes: Routes;
  asked: AskedRules;
  /** Whether the WAN of a new flow is wanted as well. */
  tellsNext?: boolean;
}

/** Judges all rows. Rows that routes and rules treat alike are of one kind, and each kind is looked up once. */
export function judgeRows(columns: Columns, surroundings: Surroundings, evidence: Evidence): Judgement {
  const { wans: names, nowMs } = surroundings;
  const { routes, wans, asked, tellsNext = false } = evidence;
  const own = names.names.map((name) => wans.find((wan) => wan.name === name)!);
  const view = new FlowView({
    columns,
    paths: new Paths(columns, routes, waysOut(own)),
    routes,
    asked,
    wans: own,
    virtual: virtualOf(evidence),
    addressWans: names.ofAddresses(columns),
    addressSides: names.sidesOfAddresses(columns),
  });
  const { kinds, firsts } = kindsOfRows(columns, evidence);
  const idle = idleOfRows(columns, surroundings);
  const { startedAtMs } = columns.common;
  const [verdicts, numbers, nextNumbers, sights]: [number[], number[], number[], Sight[]] = [[], [], [], []];
  for (const [kind, row] of firsts.entries()) {
    const { sight, wan } = view.of(row);
    const lostAtMs = sight?.own === undefined ? undefined : own[sight.own]?.routeLostAtMs;
    const isTimed = sight !== undefined && lostAtMs !== undefined && dependsOnTime(sight);
    numbers.push(wan);
    nextNumbers.push(sight ? numberOf(sight.newWay) : UNKNOWN_WAN);
    verdicts.push(isTimed ? BY_TIME : sight ? codeOf(staleness(sight)) : NOT_STALE);
    if (isTimed) sights[kind] = sight;
  }
  const column = (): Float64Array<ArrayBuffer> => new Float64Array(columns.count);
  const judgement: Judgement = { wan: column(), stale: column(), nextWan: tellsNext ? column() : undefined };
  const { wan: wanOf, stale: staleOf, nextWan: nextOf } = judgement;
  for (let row = 0; row < columns.count; row++) {
    const kind = kinds[row]!;
    wanOf[row] = numbers[kind]!;
    if (nextOf) nextOf[row] = nextNumbers[kind]!;
    staleOf[row] = verdicts[kind] === BY_TIME ? codeOf(staleness(atItsTime(sights[kind]!, row))) : verdicts[kind]!;
  }
  return judgement;

  function atItsTime(sight: Sight, row: number): Sight {
    const lostAtMs = own[sight.own!]!.routeLostAtMs!;
    return {
      ...sight,
      hadPacketSince: nowMs - (idle(row).atMost + 1) * 1000 > lostAtMs, // idle times are whole seconds, rounded down
      beganBefore: Number.isNaN(startedAtMs[row]!) ? undefined : startedAtMs[row]! < lostAtMs,
    };
  }
}

/** True if a filter mentions a field whose values are judged. */
export function mentions(filter: FlowFilter, ...fields: FieldName[]): boolean {
  let isMentioned = false;
  forEachTerm(filter, ({ field }) => {
    isMentioned ||= fields.includes(field);
  });
  return isMentioned;
}

const NOT_STALE = STALENESS.indexOf('no');

function numberOf(way: Way): number {
  return way.kind === 'wan' ? way.wan : way.kind === 'several' ? UNKNOWN_WAN : NO_WAN;
}

function codeOf(verdict: ReturnType<typeof staleness>): number {
  return verdict === undefined ? Number.NaN : STALENESS.indexOf(verdict);
}

function dependsOnTime(sight: Sight): boolean {
  const without = staleness({ ...sight, hadPacketSince: false, beganBefore: undefined });
  return [true, false].some((beganBefore) => staleness({ ...sight, hadPacketSince: true, beganBefore }) !== without);
}

/** WANs with their numbers, by interface. */
export function waysOut(wans: readonly WanFacts[]): Map<string, Way & { kind: 'wan' }> {
  return new Map(
    wans.flatMap((wan, index) =>
      wan.interface === undefined ? [] : [[wan.interface, { kind: 'wan', wan: index, isWorking: isWorking(wan), out: wan.interface }]],
    ),
  );
}

export function virtualOf({ virtualAddresses = [] }: Evidence): ReadonlyMap<string, boolean> {
  return new Map(virtualAddresses.map(({ address, isCertain }) => [formatAddress(address), isCertain]));
}
