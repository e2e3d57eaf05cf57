import type { FlowKinds as WireKinds, Using } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { allOf, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { FLOW_KINDS } from '../../proto/model/wan-event.ts';
import { KIND_FILTERS, noFlows } from '../conntrack/flow-kinds.ts';
import { isWorking, type ConntrackTable, type FlowContext, type WanFacts } from '../conntrack/table.ts';

/** Phones send something at least every half minute; a flow that was silent for longer only waits to expire. */
export const TRYING_SECONDS = 30;
/** One reading of the table serves all counts of a look. */
const SAME_READING_MS = 5000;

/**
 * How many flows use a WAN that cannot carry them, by kind: with a packet of late, or when that is not known, and others. Of a WAN that is
 * down or silent these are all; of one that works, those that are stuck on it. Throws what the table throws.
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

const IDLE: FlowFilter = { kind: 'term', field: 'idle', match: { kind: 'range', from: TRYING_SECONDS + 1 } };

function usedBy(name: string, wan: WanFacts | undefined): FlowFilter {
  const ofWan: FlowFilter = { kind: 'term', field: 'wan', match: { kind: 'glob', pattern: name.toLowerCase() } };
  return wan && !isWorking(wan) ? ofWan : allOf([ofWan, { kind: 'term', field: 'stale', match: { kind: 'glob', pattern: 'yes' } }]);
}

function toWire(kinds: ReturnType<typeof noFlows>): WireKinds {
  return { calls: BigInt(kinds.calls), udp: BigInt(kinds.udp), tcp: BigInt(kinds.tcp), vpn: BigInt(kinds.vpn), other: BigInt(kinds.other) };
}
