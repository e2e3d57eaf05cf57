import type { Flow, FlowKey } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import { labelBits, labelBytes, type LabelNames } from './labels.ts';
import { DEFAULT_TIMEOUTS, fullTimeout } from './timeouts.ts';
import type { NewEntry } from './wire/requests.ts';

/** Bits of a moment, or of a place where the new entry is not: it is neither dying nor in a flow table. */
const NOT_KEPT = IPS.DYING | IPS.OFFLOAD | IPS.HW_OFFLOAD | IPS.TEMPLATE | IPS.UNTRACKED;

/**
 * What a flow that was ended is made from again. Undefined where it cannot be: the kernel was shifting the sequence numbers of its TCP
 * stream (SEQ_ADJUST), and by how much is not known. An offloaded flow told no remaining time and gets its state's full one.
 */
export function restoredEntry(flow: Flow, names: LabelNames): NewEntry | undefined {
  if (flow.status & IPS.SEQ_ADJUST && !flow.tracker?.seqAdjust) return undefined;
  const { family, proto, orig, reply, zone, mark, state, helper, master, tracker } = flow;
  const status = flow.status & ~NOT_KEPT;
  const bits = labelBits(flow.labels, names);
  return {
    family, proto, orig, reply, zone, mark, state, helper, master, tracker, status,
    timeoutSeconds: Math.max(1, flow.timeoutSeconds ?? fullTimeout({ proto, state, status: status & ~IPS.FIXED_TIMEOUT, tcpFlags: 0 }, DEFAULT_TIMEOUTS) ?? DEFAULT_TIMEOUTS.generic!),
    ...(bits.length > 0 && { labels: labelBytes(bits) }),
  };
}

/** Places of the flows in an order that the kernel can make them in: a flow that was expected comes after the one that expected it. */
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

/** Of a flow and of the key that its children call it by. */
function nameOf({ family, proto, orig, zone, id }: FlowKey): string {
  const { src, dst, sport, dport, srcKey, dstKey, icmp } = orig;
  return [id, family, proto, zone, src, dst, sport ?? srcKey ?? icmp?.id, dport ?? dstKey].join(' ');
}
