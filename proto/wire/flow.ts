import type {
  Counters as WireCounters,
  Flow as WireFlow,
  FlowKey as WireFlowKey,
  Tracker as WireTracker,
  Tuple as WireTuple,
} from '../gen/ctfleet/v1/flow.ts';
import { formatAddress, parseAddress } from '../model/address.ts';
import type { Counters, Family, Flow, FlowKey, Tracker, Tuple } from '../model/flow.ts';
import { isStaleReason } from '../model/stale.ts';

/** A flow as a message. Throws TypeError for an invalid address. */
export function toWireFlow(flow: Flow): WireFlow {
  return {
    ...toWireKey(flow),
    reply: toWireTuple(flow.reply),
    state: flow.state,
    status: flow.status,
    timeoutSeconds: flow.timeoutSeconds,
    idleSeconds: flow.idleSeconds,
    idleAtLeastSeconds: flow.idleBounds?.atLeast,
    idleAtMostSeconds: flow.idleBounds?.atMost,
    startedAtMs: flow.startedAtMs === undefined ? undefined : BigInt(flow.startedAtMs),
    origCounters: flow.origCounters,
    replyCounters: flow.replyCounters,
    rateBitsPerSecond: flow.rateBitsPerSecond,
    mark: flow.mark,
    labels: flow.labels,
    helper: flow.helper,
    master: flow.master && toWireKey(flow.master),
    wan: flow.wan,
    protectedBy: flow.protectedBy,
    stale: flow.stale,
    tracker: flow.tracker && toWireTracker(flow.tracker),
  };
}

/** The flow in a message. Throws TypeError if a tuple is missing or an address has a wrong length. */
export function fromWireFlow(wire: WireFlow): Flow {
  return {
    ...fromWireKey(wire),
    reply: fromWireTuple(wire.reply),
    state: wire.state,
    status: wire.status,
    timeoutSeconds: wire.timeoutSeconds,
    idleSeconds: wire.idleSeconds,
    idleBounds: wire.idleAtLeastSeconds === undefined ? undefined : { atLeast: wire.idleAtLeastSeconds, atMost: wire.idleAtMostSeconds },
    startedAtMs: wire.startedAtMs === undefined ? undefined : Number(wire.startedAtMs),
    origCounters: fromWireCounters(wire.origCounters),
    replyCounters: fromWireCounters(wire.replyCounters),
    rateBitsPerSecond: wire.rateBitsPerSecond,
    mark: wire.mark,
    labels: wire.labels,
    helper: wire.helper,
    master: wire.master && fromWireKey(wire.master),
    wan: wire.wan,
    protectedBy: wire.protectedBy,
    stale: staleOf(wire.stale),
    tracker: wire.tracker && fromWireTracker(wire.tracker),
  };
}

/** An unknown reason from a newer agent still means stale. */
function staleOf(word: string | undefined): Flow['stale'] {
  if (word === undefined || word === 'no') return word;
  return isStaleReason(word) ? word : 'route-moved';
}

/** The key of an entry as a message. */
export function toWireKey(key: FlowKey): WireFlowKey {
  return { family: key.family, proto: key.proto, orig: toWireTuple(key.orig), zone: key.zone, id: key.id };
}

/** The key of an entry in a message. */
export function fromWireKey(wire: Pick<WireFlowKey, 'family' | 'proto' | 'orig' | 'zone' | 'id'>): FlowKey {
  if (wire.family !== 4 && wire.family !== 6) throw new TypeError(`family ${wire.family} is neither 4 nor 6`);
  return { family: wire.family satisfies Family, proto: wire.proto, orig: fromWireTuple(wire.orig), zone: wire.zone, id: wire.id };
}

/** Throws TypeError for an invalid address. */
export function toWireTuple(tuple: Tuple): WireTuple {
  return {
    src: toBytes(tuple.src),
    dst: toBytes(tuple.dst),
    sport: tuple.sport,
    dport: tuple.dport,
    icmp: tuple.icmp,
    srcKey: tuple.srcKey,
    dstKey: tuple.dstKey,
    zone: tuple.zone,
  };
}

/** Throws TypeError if it is missing or an address has a wrong length. */
export function fromWireTuple(wire: WireTuple | undefined): Tuple {
  if (!wire) throw new TypeError('a flow without a tuple');
  return {
    src: toText(wire.src),
    dst: toText(wire.dst),
    sport: wire.sport,
    dport: wire.dport,
    icmp: wire.icmp,
    srcKey: wire.srcKey,
    dstKey: wire.dstKey,
    zone: wire.zone,
  };
}

function toWireTracker({ windowScale, seqAdjust, synproxy, sctpTags, dccp }: Tracker): WireTracker {
  return { windowScale, origSeqAdjust: seqAdjust?.orig, replySeqAdjust: seqAdjust?.reply, synproxy, sctpTags, dccp };
}

function fromWireTracker({ windowScale, origSeqAdjust, replySeqAdjust, synproxy, sctpTags, dccp }: WireTracker): Tracker {
  return {
    windowScale,
    seqAdjust: origSeqAdjust && replySeqAdjust && { orig: origSeqAdjust, reply: replySeqAdjust },
    synproxy,
    sctpTags,
    dccp,
  };
}

function toBytes(address: string): Buffer {
  const bytes = parseAddress(address);
  if (!bytes) throw new TypeError(`${address} is not an address`);
  return Buffer.from(bytes);
}

function toText(address: Uint8Array): string {
  if (address.length !== 4 && address.length !== 16) throw new TypeError(`an address of ${address.length} bytes`);
  return formatAddress(address);
}

function fromWireCounters(wire: WireCounters | undefined): Counters | undefined {
  return wire && { packets: wire.packets, bytes: wire.bytes };
}
