import { Injectable } from '@nestjs/common';
import type { AuditStub } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { chainNames } from './chain-names.repository.ts';
import type { Stub } from './stub.ts';

const DAY_MS = 86_400_000;

@Injectable()
export class StubsRepository {
  /** The newest of each chain in scope, by chain. */
  async newest(t: Transaction, chains?: string[]): Promise<Map<string, Stub>> {
    const rows = await t.$queryRaw<AuditStub[]>`
      SELECT s.chain, s.seq, s.tenant_id AS "tenantId", s.hash, s.at, s.signature, s.key_id AS "keyId"
      FROM unnest(${chains ?? (await chainNames(t, 'audit_stub'))}::text[]) AS wanted(chain),
        LATERAL (SELECT * FROM audit_stub s WHERE s.chain = wanted.chain ORDER BY seq DESC LIMIT 1) s`;
    return new Map(rows.map((row) => [row.chain, toStub(row)]));
  }

  /**
   * For each chain, its newest entry older than `before`, never the head; everything up to that entry is old. At most `most` entries per
   * chain.
   */
  async old(t: Transaction, before: Date, most: number): Promise<{ chain: string; tenantId: string | null; seq: number; hash: string }[]> {
    // At most once a day per chain, because each removal adds a stub. Numbers follow the order of writing, clocks of two controllers may
    // disagree: everything before the first young entry is old. In steps: a plan that joins a chain's entries before it knows which of them
    // it wants is quadratic in their number.
    const rows = await t.$queryRaw<{ chain: string; tenant_id: string | null; seq: bigint; hash: string }[]>`
      WITH due AS MATERIALIZED (
        SELECT head.chain, head.seq AS head_seq, first.seq AS first_seq
        FROM audit_head AS head
        CROSS JOIN LATERAL (SELECT seq, at FROM audit_entry WHERE chain = head.chain ORDER BY seq LIMIT 1) AS first
        WHERE first.at < ${new Date(before.getTime() - DAY_MS)}
      ), reached AS MATERIALIZED (
        SELECT due.chain, least(young.seq - 1, due.first_seq + ${most} - 1, due.head_seq - 1) AS seq
        FROM due
        CROSS JOIN LATERAL (
          SELECT coalesce(min(seq), due.head_seq + 1) AS seq
          FROM audit_entry
          WHERE chain = due.chain AND seq < due.first_seq + ${most} AND at >= ${before}
        ) AS young
      )
      SELECT last.chain, last.tenant_id, last.seq, last.hash
      FROM reached JOIN audit_entry AS last ON last.chain = reached.chain AND last.seq = reached.seq
      ORDER BY last.chain`;
    return rows.map((row) => ({ chain: row.chain, tenantId: row.tenant_id, seq: Number(row.seq), hash: row.hash }));
  }

  /**
   * Removes the beginning of a chain against its stub. Returns how many entries were removed. Throws if the database considers them too
   * young.
   */
  async drop(t: Transaction, { chain, seq, hash, at, signature, keyId }: Stub): Promise<number> {
    const [row] = await t.$queryRaw<{ dropped: number }[]>`
      SELECT drop_audit_entries(${chain}, ${BigInt(seq)}, ${hash}, ${new Date(at)}, ${signature}, ${keyId}) AS dropped`;
    return row?.dropped ?? 0;
  }
}

function toStub({ chain, seq, hash, at, signature, keyId }: AuditStub): Stub {
  return { chain, seq: Number(seq), hash, at: at.toISOString(), signature, keyId };
}
