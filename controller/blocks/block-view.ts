import type { Block as BlockView } from '../../proto/http/blocks.ts';
import type { Plan as PlanView } from '../../proto/http/plans.ts';
import { RefusedPackets as WireRefused } from '../../proto/gen/ctfleet/v1/operation.ts';
import { describeCondition, describeRefused } from '../../proto/model/block/words.ts';
import { namesNobody } from '../../proto/model/block/packets.ts';
import { fromWireRefused } from '../../proto/wire/block.ts';
import type { Block } from '../generated/prisma/client.ts';
import { counterFrom } from '../platform/untrusted.ts';
import { counted } from '../platform/plural.ts';

type RefusedView = NonNullable<PlanView['gateways'][number]['refused']>;

/**
 * Describes in words what a block refuses, from the stored message. If another version wrote the message and this one does not understand
 * it, the words say so.
 */
export function toRefusedView(stored: Uint8Array): RefusedView {
  const wire = WireRefused.decode(stored);
  try {
    const refused = fromWireRefused(wire);
    return { words: describeRefused(refused), conditions: refused.anyOf.map(describeCondition), seconds: refused.seconds };
  } catch {
    return { words: 'packets that another version of ctfleet describes', conditions: [], seconds: wire.seconds };
  }
}

/** True for a stored block that may cut off hosts that nobody named, and where that cannot be determined. */
export function refusesAnyone(stored: Uint8Array): boolean {
  try {
    return namesNobody(fromWireRefused(WireRefused.decode(stored)));
  } catch {
    return true;
  }
}

export function toBlockView(row: Block): BlockView {
  return {
    id: row.id,
    tenantId: row.tenantId,
    gatewayId: row.gatewayId,
    gatewayName: row.gatewayName,
    flushId: row.flushId ?? undefined,
    refused: toRefusedView(row.refused),
    flows: row.flows,
    since: row.since.toISOString(),
    until: row.until.toISOString(),
    begunBy: row.begunBy,
    packetsRefused: row.packetsRefused.toString(),
    state: row.liftedBy === null ? 'standing' : 'lifting',
    liftedBy: row.liftedBy ?? undefined,
  };
}

/** What proves a block: packets that were seen being refused, or that none arrived. */
export function blockedWords(packetsRefused: bigint): string {
  return packetsRefused === 0n ? 'blocked; nothing came' : `blocked; ${counted(counterFrom(packetsRefused), 'packet')} refused since`;
}
