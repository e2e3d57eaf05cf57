import { Injectable } from '@nestjs/common';
import type { AuditCheckpoint } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { Head } from './chain.ts';
import { chainNames } from './chain-names.repository.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Span } from './spans.ts';

type CheckpointRow = Pick<AuditCheckpoint, 'chain' | 'seq' | 'hash' | 'at' | 'signature' | 'keyId'>;

@Injectable()
export class CheckpointsRepository {
  /** All chains in scope, by name. */
  async heads(t: Transaction): Promise<Head[]> {
    const rows = await t.auditHead.findMany({ where: { seq: { gt: 0 } }, orderBy: { chain: 'asc' } });
    return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
  }

  /** Chains that have grown since their last checkpoint, by name, from the one after `after`. */
  async grown(t: Transaction, limit: number, after: string): Promise<Head[]> {
    const rows = await t.$queryRaw<{ chain: string; tenant_id: string | null; seq: bigint; hash: string }[]>`
      SELECT chain, tenant_id, seq, hash FROM audit_head h
      WHERE seq > 0 AND chain > ${after} AND NOT EXISTS (SELECT FROM audit_checkpoint c WHERE c.chain = h.chain AND c.seq >= h.seq)
      ORDER BY chain LIMIT ${limit}`;
    return rows.map((row) => ({ chain: row.chain, tenantId: row.tenant_id, seq: Number(row.seq), hash: row.hash }));
  }

  /** Two replicas may create the same checkpoint; the first one is kept. */
  async insert(t: Transaction, checkpoints: (Checkpoint & { tenantId: string | null })[]): Promise<void> {
    await t.auditCheckpoint.createMany({
      data: checkpoints.map((each) => ({ ...each, seq: BigInt(each.seq), at: new Date(each.at) })),
      skipDuplicates: true,
    });
  }

  /** The newest of each chain. */
  async newest(t: Transaction, chains?: string[]): Promise<Checkpoint[]> {
    const rows = await t.$queryRaw<CheckpointRow[]>`
      SELECT c.chain, c.seq, c.hash, c.at, c.signature, c.key_id AS "keyId"
      FROM unnest(${chains ?? (await chainNames(t, 'audit_checkpoint'))}::text[]) AS wanted(chain),
        LATERAL (SELECT * FROM audit_checkpoint c WHERE c.chain = wanted.chain ORDER BY seq DESC LIMIT 1) c
      ORDER BY c.chain`;
    return rows.map(toCheckpoint);
  }

  /** The checkpoints of these spans, in order within each chain. */
  async ofSpans(t: Transaction, spans: readonly Span[]): Promise<Checkpoint[]> {
    return (
      await t.auditCheckpoint.findMany({
        where: { OR: spans.map(({ chain, first, last }) => ({ chain, seq: { gte: BigInt(first), lte: BigInt(last) } })) },
        orderBy: [{ chain: 'asc' }, { seq: 'asc' }],
      })
    ).map(toCheckpoint);
  }

  /** The newest of a chain whatever its number: it may name an entry that no longer exists. */
  async last(t: Transaction, chain: string): Promise<Checkpoint | undefined> {
    const row = await t.auditCheckpoint.findFirst({ where: { chain }, orderBy: { seq: 'desc' } });
    return row ? toCheckpoint(row) : undefined;
  }
}

function toCheckpoint({ chain, seq, hash, at, signature, keyId }: CheckpointRow): Checkpoint {
  return { chain, seq: Number(seq), hash, at: at.toISOString(), signature, keyId };
}
