import { OwnTable, type PolicyReading as WireReading } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { PolicyReading } from '../../proto/model/policy/gateway-reading.ts';
import { toWirePolicyReading } from '../../proto/wire/policy.ts';

/** Of our own table on the link: with everything else at its largest, the message stays below 256 KiB. */
const MAX_TABLE_BYTES = 60_000;

/** A reading as one message. A table of ours that is too large for it is left out whole: a part of it would look like a difference. */
export function wirePolicyWithin(reading: PolicyReading): WireReading {
  const wire = toWirePolicyReading(reading);
  if (!wire.table || OwnTable.encode(wire.table).finish().length <= MAX_TABLE_BYTES) return wire;
  const why = `Our own table holds ${wire.table.rules.length} rules, more than an answer has room for.`;
  return { ...wire, table: undefined, unread: [...wire.unread, why] };
}
