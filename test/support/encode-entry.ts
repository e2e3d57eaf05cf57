import type { Counters } from '../../proto/model/flow.ts';
import { AttributeWriter } from '../../agent/netlink/attributes.ts';
import type { Entry } from '../../agent/conntrack/wire/entry.ts';
import * as k from '../../agent/conntrack/wire/constants.ts';
import { encodeProtoinfo } from '../../agent/conntrack/wire/protoinfo.ts';
import { encodeSeqAdjust, encodeSynproxy } from '../../agent/conntrack/wire/sequence.ts';
import { encodeTuple } from '../../agent/conntrack/wire/tuple.ts';

/**
 * The body of a CT_NEW message as a dump carries it: what Linux 6.18 writes, in its order, for tests that need entries without a kernel.
 */
export function encodeEntry(entry: Entry): Uint8Array {
  const { proto } = entry;
  const out = new AttributeWriter();
  out.raw(Uint8Array.of(entry.family === 4 ? k.AF_INET : k.AF_INET6, 0, 0, 0));
  encodeTuple(out, k.CTA_TUPLE_ORIG, { proto, tuple: entry.orig });
  encodeTuple(out, k.CTA_TUPLE_REPLY, { proto, tuple: entry.reply });
  if (entry.zone !== 0) out.u16(k.CTA_ZONE, entry.zone);
  out.u32(k.CTA_STATUS, entry.status);
  out.u32(k.CTA_MARK, entry.mark);
  const { startedAtNs, stoppedAtNs, helper, helperInfo, securityContext, seqAdjust } = entry;
  if (securityContext !== undefined) out.nested(k.CTA_SECCTX, () => out.text(k.CTA_SECCTX_NAME, securityContext));
  out.u32(k.CTA_ID, entry.id);
  out.u32(k.CTA_USE, 1); // which nobody reads
  if (entry.master) encodeTuple(out, k.CTA_TUPLE_MASTER, entry.master);
  if (entry.timeoutSeconds !== undefined) out.u32(k.CTA_TIMEOUT, entry.timeoutSeconds);
  encodeProtoinfo(out, proto, entry, 0);
  if (entry.origCounters) counters(out, k.CTA_COUNTERS_ORIG, entry.origCounters);
  if (entry.replyCounters) counters(out, k.CTA_COUNTERS_REPLY, entry.replyCounters);
  if (startedAtNs !== undefined || stoppedAtNs !== undefined) {
    out.nested(k.CTA_TIMESTAMP, () => {
      if (startedAtNs !== undefined) out.u64(k.CTA_TIMESTAMP_START, startedAtNs);
      if (stoppedAtNs !== undefined) out.u64(k.CTA_TIMESTAMP_STOP, stoppedAtNs);
    });
  }
  if (helper !== undefined || helperInfo) {
    out.nested(k.CTA_HELP, () => {
      if (helper !== undefined) out.text(k.CTA_HELP_NAME, helper);
      if (helperInfo) out.bytes(k.CTA_HELP_INFO, helperInfo);
    });
  }
  if (entry.labels) out.bytes(k.CTA_LABELS, entry.labels);
  if (seqAdjust?.orig) encodeSeqAdjust(out, k.CTA_SEQ_ADJ_ORIG, seqAdjust.orig);
  if (seqAdjust?.reply) encodeSeqAdjust(out, k.CTA_SEQ_ADJ_REPLY, seqAdjust.reply);
  if (entry.synproxy) encodeSynproxy(out, entry.synproxy);
  return out.finish().slice();
}

function counters(out: AttributeWriter, type: number, { packets, bytes }: Counters): void {
  out.nested(type, () => {
    out.u64(k.CTA_COUNTERS_PACKETS, packets);
    out.u64(k.CTA_COUNTERS_BYTES, bytes);
  });
}
