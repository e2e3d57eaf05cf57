import { forEachTerm, type FieldName, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { formatAddress } from '../../proto/model/address.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { IPS } from '../../proto/model/status.ts';
import type { RoutePrefix } from '../netlink/route-messages.ts';
import type { Hook } from '../rules/packet.ts';
import { HOOKS, type AskedRules } from './asked-rules.ts';
import type { Columns } from './columns.ts';
import type { Surroundings } from './compile.ts';
import { FlowView } from './flow-view.ts';
import { idleOfRows } from './idle-rows.ts';
import type { Routes } from './kernel-routes.ts';
import { Kinds } from './kinds.ts';
import { Partition, portPieces } from './partition.ts';
import { Paths } from './paths.ts';
import { STALENESS, staleness, type Sight, type Way } from './stale.ts';
import type { FlowContext, WanFacts } from './table.ts';

/** Of a kind whose flows are told apart by when they began and had their last packet. */
const BY_TIME = -1;

/** For each row the number of its WAN, NO_WAN or UNKNOWN_WAN, and a number of STALENESS, NaN where it is not known: the columns `wan` and `stale`. */
export interface Judgement { wan: Float64Array<ArrayBuffer>; stale: Float64Array<ArrayBuffer> }

/** What rows are judged by, beside their columns. */
export interface Evidence extends Pick<FlowContext, 'wans' | 'virtualAddresses'> {
  routes: Routes;
  asked: AskedRules;
}

/** Judges all rows. Those that routes and rules treat alike are one kind, and each kind is looked up once. */
export function judgeRows(columns: Columns, surroundings: Surroundings, evidence: Evidence): Judgement {
  const { wans: names, nowMs } = surroundings;
  const { routes, wans, asked } = evidence;
  const own = names.names.map((name) => wans.find((wan) => wan.name === name)!);
  const view = new FlowView({
    columns, paths: new Paths(columns, routes, waysOut(own)), routes, asked, wans: own, virtual: virtualOf(evidence),
    addressWans: names.ofAddresses(columns), addressSides: names.sidesOfAddresses(columns),
  });
  const kindOf = tellerOf(columns, evidence);
  const idle = idleOfRows(columns, surroundings);
  const { startedAtMs } = columns.common;
  const judgement = { wan: new Float64Array(columns.count), stale: new Float64Array(columns.count) };
  const { wan: wanOf, stale: staleOf } = judgement;
  const [verdicts, numbers, sights]: [number[], number[], Sight[]] = [[], [], []];
  for (let row = 0; row < columns.count; row++) {
    const kind = kindOf(row);
    if (kind === verdicts.length) {
      const { sight, wan } = view.of(row);
      const lostAtMs = sight?.own === undefined ? undefined : own[sight.own]?.routeLostAtMs;
      numbers.push(wan);
      verdicts.push(sight === undefined ? NOT_STALE : lostAtMs !== undefined && dependsOnTime(sight) ? BY_TIME : codeOf(staleness(sight)));
      if (verdicts[kind] === BY_TIME) sights[kind] = sight!;
    }
    wanOf[row] = numbers[kind]!;
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
  forEachTerm(filter, ({ field }) => { isMentioned ||= fields.includes(field); });
  return isMentioned;
}

const NOT_STALE = STALENESS.indexOf('no');

function codeOf(verdict: ReturnType<typeof staleness>): number {
  return verdict === undefined ? Number.NaN : STALENESS.indexOf(verdict);
}

function dependsOnTime(sight: Sight): boolean {
  const without = staleness({ ...sight, hadPacketSince: false, beganBefore: undefined });
  return [true, false].some((beganBefore) => staleness({ ...sight, hadPacketSince: true, beganBefore }) !== without);
}

function isWorking({ isUp, isAnswering }: WanFacts): boolean {
  return isUp !== false && isAnswering !== false;
}

/** WANs by interface, under their numbers. */
export function waysOut(wans: readonly WanFacts[]): Map<string, Way & { kind: 'wan' }> {
  return new Map(wans.flatMap((wan, index) => (wan.interface === undefined ? [] : [[wan.interface, { kind: 'wan', wan: index, isWorking: isWorking(wan), out: wan.interface }]])));
}

export function virtualOf({ virtualAddresses = [] }: Evidence): ReadonlyMap<string, boolean> {
  return new Map(virtualAddresses.map(({ address, isCertain }) => [formatAddress(address), isCertain]));
}

const PORT_PROTOCOLS = new Set<number>([PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.udplite, PROTOCOLS.sctp, PROTOCOLS.dccp]);
const WORDS = 12;

/** Says for a row the number of its kind: rows of one kind differ in nothing that routes, WANs and the rules of these hooks depend on. */
export function tellerOf(columns: Columns, { routes, wans, asked }: Evidence, hooks: readonly Hook[] = HOOKS): (row: number) => number {
  const { common: { family, proto, status, shape, origSrc, origDst, replySrc, replyDst, sport, dport, rsport, rdport, mark, zone }, rare, addresses6 } = columns;
  const reads = hooks.flatMap((hook) => asked.reads(hook) ?? []);
  const cuts = cutsOf(routes, wans, reads.flatMap(({ sources, destinations }) => [...sources.prefixes, ...destinations.prefixes]));
  const fields = new Set(reads.flatMap((one) => [...one.fields]));
  const readsEnds = fields.has('original') || fields.has('reply');
  const isWhole = cuts === undefined || readsEnds || reads.some(({ sources, destinations }) => sources.areWhole || destinations.areWhole);
  const statusBits = fields.has('status') ? 0xffff : IPS.EXPECTED | IPS.SEEN_REPLY;
  const pieces6 = new Int32Array(addresses6.count).fill(-1);
  const pieceOf6 = (index: number): number => {
    if (pieces6[index]! < 0) pieces6[index] = isWhole ? index : cuts.of6(addresses6.bytesOf(index));
    return pieces6[index]!;
  };
  const pieceOf = (isV4: boolean, address: number): number => (!isV4 ? pieceOf6(address) : isWhole ? address : cuts.of4(address));
  const ports = (ranges: (one: (typeof reads)[number]) => [number, number][]): Uint16Array => portPieces([...reads.flatMap(ranges), ...(routes.useTransport ? routes.ports : [])]);
  const [sports, dports] = [ports((one) => one.sports), ports((one) => one.dports)];
  const readsIcmp = fields.has('icmp');
  const markBits = reads.reduce((bits, one) => bits | (one.fields.has('ctMark') ? one.ctMark : 0), 0);
  const helper = fields.has('helper') ? rare.helper : undefined;
  const { origPackets, replyPackets } = rare;
  const readsBack = hooks !== HOOKS;
  const kinds = new Kinds(WORDS);
  const tuple = new Int32Array(WORDS);
  return (row) => {
    const isV4 = family[row] === 4;
    const isTranslated = replyDst[row] !== origSrc[row];
    const hasPorts = PORT_PROTOCOLS.has(proto[row]!);
    const isForwarded = replySrc[row] !== origDst[row] || (hasPorts && rsport[row] !== dport[row]);
    const isUncounted = origPackets !== undefined && replyPackets !== undefined && origPackets[row] === 0 && replyPackets[row] === 0;
    tuple[0] = pieceOf(isV4, origSrc[row]!);
    tuple[1] = pieceOf(isV4, origDst[row]!);
    tuple[2] = isTranslated ? replyDst[row]! : 0;
    tuple[3] = isForwarded ? replySrc[row]! : 0;
    tuple[4] = proto[row]! | (isV4 ? 0x100 : 0) | (isTranslated ? 0x200 : 0) | (isForwarded ? 0x400 : 0) | (isUncounted ? 0x800 : 0) | (shape[row]! << 12);
    tuple[5] = hasPorts ? (readsEnds ? sport[row]! | (dport[row]! << 16) : sports[sport[row]!]! | (dports[dport[row]!]! << 16)) : readsIcmp ? dport[row]! : 0;
    tuple[6] = !hasPorts ? 0 : (isForwarded ? rsport[row]! : 0) | (routes.useTransport ? sports[rdport[row]!]! << 16 : 0);
    tuple[7] = mark[row]! & markBits;
    tuple[8] = status[row]! & statusBits;
    tuple[9] = zone[row]! | (helper && helper[row]! >= 0 ? (helper[row]! + 1) << 16 : 0);
    // As the other side sends them, and whether translation changed them.
    tuple[10] = hasPorts && readsBack ? sports[rsport[row]!]! | (dports[rdport[row]!]! << 16) : 0;
    tuple[11] = hasPorts && readsBack ? Number(sport[row] !== rdport[row]) | (Number(dport[row] !== rsport[row]) << 1) : 0;
    return kinds.of(tuple);
  };
}

/** All that tells addresses apart; undefined where there are too many routes to read. */
function cutsOf(routes: Routes, wans: readonly WanFacts[], ruled: RoutePrefix[]): Partition | undefined {
  if (!routes.prefixes) return undefined;
  const hosts = [...routes.addresses, ...wans.flatMap(({ addresses }) => addresses)].map((bytes) => ({ bytes, bits: bytes.length * 8 }));
  return new Partition([...routes.prefixes, ...ruled, ...hosts]);
}
