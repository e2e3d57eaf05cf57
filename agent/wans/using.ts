import type { FlowKinds as WireKinds, Using } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { allOf, anyOf, negated, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { FLOW_KINDS } from '../../proto/model/wan-event.ts';
import { KIND_FILTERS, noFlows } from '../conntrack/flow-kinds.ts';
import { isWorking, type ConntrackTable, type FlowContext, type WanFacts } from '../conntrack/table.ts';

/** Phones send something at least every half minute; a flow that was silent for longer only waits to expire. */
export const TRYING_SECONDS = 30;
/** One reading of the table serves all counts of a look. */
const SAME_READING_MS = 5000;

/**
 * How many flows use a WAN that cannot carry them, by kind: with a packet of late, or when that is not known, and others. Of a WAN that is
 * down or silent these are all but our own pings; of one that works, those that are stuck on it. Throws what the table throws.
 */
export async function countUsing(table: Pick<ConntrackTable, 'search'>, context: FlowContext, name: string, atMs: number): Promise<Using> {
  const wan = context.wans.find((one) => one.name === name);
  const base = usedBy(name, wan);
  const count = async (filter: FlowFilter, maxAgeMs = SAME_READING_MS): Promise<number> =>
    (await table.search({ filter, context, limit: 0, maxAgeMs })).total;
  const [trying, waiting] = [noFlows(), noFlows()];
  let left = await count(base, 0);
  for (const kind of FLOW_KINDS) {
    if (left <= 0) break;
    const ofKind = allOf([base, KIND_FILTERS[kind]]);
    const all = await count(ofKind);
    left -= all;
    if (all === 0) continue;
    waiting[kind] = Math.min(all, await count(allOf([ofKind, IDLE])));
    trying[kind] = all - waiting[kind];
  }
  return { atMs: BigInt(atMs), trying: toWire(trying), waiting: toWire(waiting) };
}

const PINGS = [PROTOCOLS.icmp, PROTOCOLS.icmpv6];
const IDLE: FlowFilter = { kind: 'term', field: 'idle', match: { kind: 'range', from: TRYING_SECONDS + 1 } };

function usedBy(name: string, wan: WanFacts | undefined): FlowFilter {
  const ofWan: FlowFilter = { kind: 'term', field: 'wan', match: { kind: 'glob', pattern: name.toLowerCase() } };
  return wan && !isWorking(wan)
    ? allOf([ofWan, ...notOurPings(wan)])
    : allOf([ofWan, { kind: 'term', field: 'stale', match: { kind: 'glob', pattern: 'yes' } }]);
}

/** The agent pings through a WAN that is down, too; nobody waits for those flows. */
function notOurPings({ addresses }: WanFacts): FlowFilter[] {
  if (addresses.length === 0) return [];
  const pings = PINGS.map((number): FlowFilter => ({ kind: 'term', field: 'proto', match: { kind: 'range', from: number, to: number } }));
  const ours = addresses.map((address): FlowFilter => {
    const prefix = { family: address.length === 4 ? 4 : 6, address, bits: address.length * 8 } as const;
    return { kind: 'term', field: 'src', match: { kind: 'prefix', prefix } };
  });
  return [negated(allOf([anyOf(pings), anyOf(ours)]))];
}

function toWire(kinds: ReturnType<typeof noFlows>): WireKinds {
  return { calls: BigInt(kinds.calls), udp: BigInt(kinds.udp), tcp: BigInt(kinds.tcp), vpn: BigInt(kinds.vpn), other: BigInt(kinds.other) };
}
