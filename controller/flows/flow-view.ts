import type { FlowRow } from '../../proto/http/flows.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { protocolName } from '../../proto/model/protocol.ts';
import { statusWords } from '../../proto/model/status.ts';

/** The flow as the API shows it: 64-bit counters as decimal text, absent fields stay absent. */
export function toFlowView(flow: Flow, gatewayId: string): FlowRow {
  return {
    gatewayId,
    id: flow.id,
    family: flow.family,
    proto: protocolName(flow.proto),
    state: flow.state,
    status: statusWords(flow.status),
    orig: flow.orig,
    reply: flow.reply,
    wan: flow.wan,
    mark: flow.mark,
    zone: flow.zone,
    labels: flow.labels,
    timeoutSeconds: flow.timeoutSeconds,
    idleSeconds: flow.idleSeconds,
    idleBounds: flow.idleBounds,
    startedAt: flow.startedAtMs === undefined ? undefined : new Date(flow.startedAtMs).toISOString(),
    origPackets: flow.origCounters?.packets.toString(),
    origBytes: flow.origCounters?.bytes.toString(),
    replyPackets: flow.replyCounters?.packets.toString(),
    replyBytes: flow.replyCounters?.bytes.toString(),
    helper: flow.helper,
    master: flow.master && { proto: protocolName(flow.master.proto), orig: flow.master.orig },
    protectedBy: flow.protectedBy,
    rateBitsPerSecond: flow.rateBitsPerSecond,
    stale: flow.stale,
  };
}
