import { createHash } from 'node:crypto';
import { effectiveDocument } from '../../proto/model/policy/effective-document.ts';
import type { EffectivePolicy } from '../../proto/model/policy/effective.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import type { Transaction } from '../platform/database.ts';

/** Of all values that policies come to: what a gateway tells of those that it is held to. SHA-256 in hex. */
export function valuesDigest(effective: Pick<EffectivePolicy, 'values'>): string {
  return createHash('sha256')
    .update(writePolicy(effectiveDocument(effective)))
    .digest('hex');
}

/** What each of these gateways said last of the values that it is held to; null for none, and without those that have not said. */
export async function digestsInForce(t: Transaction, gatewayIds: readonly string[]): Promise<Map<string, string | null>> {
  const rows = await t.policyState.findMany({ where: { gatewayId: { in: [...gatewayIds] } }, select: { gatewayId: true, digest: true } });
  return new Map(rows.map(({ gatewayId, digest }) => [gatewayId, digest]));
}
