import type { Counters } from '../../proto/model/flow.ts';
import { AttributeWriter } from '../../agent/netlink/attributes.ts';
import type { Entry } from '../../agent/conntrack/wire/entry.ts';
import * as k from '../../agent/conntrack/wire/constants.ts';
import { STATE_PROTOCOLS } from '../../agent/conntrack/wire/states.ts';
import { encodeTuple } from '../../agent/conntrack/wire/tuple.ts';

/** The body of a CT_NEW message as a dump carries it: what the kernel writes, for tests that need entries without a kernel. */
export function encodeEntry(entry: Entry): Uint8Array {
  const { proto } = entry;
  const out = new AttributeWriter();
  out.raw(Uint8Array.of(entry.family === 4 ? k.AF_INET : k.AF_INET6, 0, 0, 0));
  encodeTuple(out, k.CTA_TUPLE_ORIG, { proto, tuple: entry.orig });
  encodeTuple(out, k.CTA_TUPLE_REPLY, { proto, tuple: entry.reply });
  out.u32(k.CTA_STATUS, entry.status);
  if (entry.timeoutSeconds !== undefined) out.u32(k.CTA_TIMEOUT, entry.timeoutSeconds);
  if (entry.origCounters) counters(out, k.CTA_COUNTERS_ORIG, entry.origCounters);
  if (entry.replyCounters) counters(out, k.CTA_COUNTERS_REPLY, entry.replyCounters);
  const { startedAtNs, helper, state } = entry;
  if (startedAtNs !== undefined) out.nested(k.CTA_TIMESTAMP, () => out.u64(k.CTA_TIMESTAMP_START, startedAtNs));
  const kind = STATE_PROTOCOLS.find((one) => one.proto === proto);
  if (kind && state !== undefined) {
    out.nested(k.CTA_PROTOINFO, () => out.nested(kind.attribute, () => {
      out.u8(k.CTA_PROTOINFO_STATE, kind.states.findIndex((name) => name === state));
      if (entry.tcpFlags !== undefined) out.bytes(k.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, Uint8Array.of(entry.tcpFlags, 0));
    }));
  }
  if (helper !== undefined) out.nested(k.CTA_HELP, () => out.text(k.CTA_HELP_NAME, helper));
  if (entry.mark !== 0) out.u32(k.CTA_MARK, entry.mark);
  if (entry.labels) out.bytes(k.CTA_LABELS, entry.labels);
  out.u32(k.CTA_ID, entry.id);
  if (entry.zone !== 0) out.u16(k.CTA_ZONE, entry.zone);
  if (entry.master) encodeTuple(out, k.CTA_TUPLE_MASTER, entry.master);
  out.u32(11, 1); // CTA_USE, which nobody reads
  return out.finish().slice();
}

function counters(out: AttributeWriter, type: number, { packets, bytes }: Counters): void {
  out.nested(type, () => {
    out.u64(k.CTA_COUNTERS_PACKETS, packets);
    out.u64(k.CTA_COUNTERS_BYTES, bytes);
  });
}
