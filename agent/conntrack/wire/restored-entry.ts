import type { Flow, FlowKey } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { labelBits, labelBytes, type LabelNames } from '../proc/labels.ts';
import { DEFAULT_TIMEOUTS, fullTimeouts } from '../proc/timeouts.ts';
import type { NewEntry } from './requests.ts';

/** Transient bits, and bits that do not apply to a new entry, which is neither dying nor in a flow table. */
const NOT_KEPT = IPS.DYING | IPS.OFFLOAD | IPS.HW_OFFLOAD | IPS.TEMPLATE | IPS.UNTRACKED;

/**
 * The entry that restores a flow. Undefined if it cannot be restored: the kernel was shifting the sequence numbers of its TCP stream
 * (SEQ_ADJUST) by an unknown offset. An offloaded flow has no remaining time and gets the full timeout of its state.
 */
export function restoredEntry(flow: Flow, names: LabelNames): NewEntry | undefined {
  if (flow.status & IPS.SEQ_ADJUST && !flow.tracker?.seqAdjust) return undefined;
  const { family, proto, orig, reply, zone, mark, state, helper, master, tracker } = flow;
  const status = flow.status & ~NOT_KEPT;
  const bits = labelBits(flow.labels, names);
  return {
    family,
    proto,
    orig,
    reply,
    zone,
    mark,
    state,
    helper,
    master,
    tracker,
    status,
    timeoutSeconds: Math.max(
      1,
      flow.timeoutSeconds ??
        fullTimeouts({ proto, state, status: status & ~IPS.FIXED_TIMEOUT, tcpFlags: 0 }, DEFAULT_TIMEOUTS)[0] ??
        DEFAULT_TIMEOUTS.generic!,
    ),
    ...(bits.length > 0 && { labels: labelBytes(bits) }),
  };
}

/** Indexes of the flows in an order in which the kernel can create them: an expected flow comes after its master. */
export function restoreOrder(flows: readonly Flow[]): number[] {
  const placeOf = new Map(flows.map((flow, place) => [nameOf(flow), place]));
  const order = new Set<number>();
  const visit = (place: number, path: ReadonlySet<number>): void => {
    const { master } = flows[place]!;
    const before = master && placeOf.get(nameOf(master));
    if (before !== undefined && !path.has(before)) visit(before, new Set(path).add(place));
    order.add(place);
  };
  for (let place = 0; place < flows.length; place++) if (!order.has(place)) visit(place, new Set());
  return [...order];
}

/**
 * The rounds in which flows are created if they are too many to hold in memory: in round 0 those that were not expected, or whose master is
 * not among them; every other flow in the round after its master's.
 * @param batches all flows in order; iterated at most twice
 */
export function restoreRounds(batches: () => Iterable<readonly Flow[]>): { rounds: number; roundOf: (place: number) => number } {
  const masterNames = new Map<number, string>();
  for (const [place, { master }] of eachOf(batches())) if (master) masterNames.set(place, nameOf(master));
  const masters = new Set(masterNames.values());
  const placeOf = new Map<string, number>();
  if (masters.size > 0) for (const [place, flow] of eachOf(batches())) if (masters.has(nameOf(flow))) placeOf.set(nameOf(flow), place);
  const masterOf = (place: number): number | undefined => placeOf.get(masterNames.get(place) ?? '');
  const known = new Map<number, number>();
  for (const child of masterNames.keys()) {
    const path = new Set<number>();
    let at: number | undefined = child;
    for (; at !== undefined && !known.has(at) && !path.has(at); at = masterOf(at)) path.add(at);
    let round = (at === undefined ? undefined : known.get(at)) ?? -1;
    for (const place of [...path].reverse()) known.set(place, ++round);
  }
  return { rounds: 1 + [...known.values()].reduce((last, round) => Math.max(last, round), 0), roundOf: (place) => known.get(place) ?? 0 };
}

function* eachOf(batches: Iterable<readonly Flow[]>): Generator<[place: number, flow: Flow], void, void> {
  let place = 0;
  for (const batch of batches) for (const flow of batch) yield [place++, flow];
}

/** The same for a flow and for the key by which its children refer to it. */
function nameOf({ family, proto, orig, zone, id }: FlowKey): string {
  const { src, dst, sport, dport, srcKey, dstKey, icmp } = orig;
  return [id, family, proto, zone, src, dst, sport ?? srcKey ?? icmp?.id, dport ?? dstKey].join(' ');
}
