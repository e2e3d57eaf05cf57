import type { AuditEntry } from '../generated/prisma/client.ts';
import type { HashedEntry } from './chain.ts';

/** An entry with its tenant's name. */
export type NamedEntry = AuditEntry & { tenantName?: string };

/** A row in the form that was hashed. */
export function toHashed(row: AuditEntry): HashedEntry {
  const { planId, flushId, gatewayId, gatewayName, reason, ticket } = row;
  const optional = Object.fromEntries(
    Object.entries({ planId, flushId, gatewayId, gatewayName, reason, ticket }).filter(([, value]) => value !== null),
  );
  return {
    id: row.id,
    chain: row.chain,
    seq: Number(row.seq),
    at: row.at.toISOString(),
    actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
    action: row.action,
    outcome: row.outcome,
    summary: row.summary,
    ...optional,
    detail: row.detail as Record<string, unknown>,
    previousHash: row.previousHash,
    hash: row.hash,
  };
}
