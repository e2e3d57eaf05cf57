import { Inject, Injectable } from '@nestjs/common';
import type { AuditEntry, Prisma } from '../generated/prisma/client.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { NamedEntry } from './entry-row.ts';
import { GENESIS, hashEntry, SYSTEM_CHAIN, type ChainedEntry } from './chain.ts';
import type { Span } from './spans.ts';

/** The content of an entry before it has a place in its chain. */
export type NewEntry = Omit<ChainedEntry, 'chain' | 'seq' | 'previousHash'>;

export interface AuditQuery {
  limit: number;
  before?: string;
  tenant?: string;
  gateway?: string;
  flush?: string;
  action?: string;
  q?: string;
}

@Injectable()
export class AuditRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Appends entries of one tenant, or of none, to their chain, within the caller's transaction. The row lock on the chain's head serialises
   * concurrent appends.
   */
  async append(t: Transaction, tenantId: string | undefined, entries: readonly NewEntry[]): Promise<void> {
    const chain = tenantId ?? SYSTEM_CHAIN;
    await t.$executeRaw`
      INSERT INTO audit_head (chain, tenant_id, seq, hash) VALUES (${chain}, ${tenantId ?? null}::uuid, 0, ${GENESIS})
      ON CONFLICT DO NOTHING`;
    const [head] = await t.$queryRaw<
      { seq: bigint; hash: string }[]
    >`SELECT seq, hash FROM audit_head WHERE chain = ${chain} FOR NO KEY UPDATE`;
    if (!head) throw new Error('the head of the audit chain is out of scope');
    let [last, previousHash] = [Number(head.seq), head.hash];
    const data = entries.map((entry) => {
      const chained: ChainedEntry = { ...entry, chain, seq: ++last, previousHash };
      const { actor, at, detail, seq, ...columns } = chained;
      const row = {
        ...columns,
        seq: BigInt(seq),
        at: new Date(at),
        tenantId,
        actorKind: actor.kind,
        actorId: actor.id,
        actorName: actor.name,
        detail: detail as Prisma.InputJsonObject,
        hash: hashEntry(chained),
      };
      previousHash = row.hash;
      return row;
    });
    await t.auditEntry.createMany({ data });
    await t.$executeRaw`UPDATE audit_head SET seq = ${last}, hash = ${previousHash} WHERE chain = ${chain}`;
  }

  /** Newest first, up to `limit` + 1. */
  async list(scope: TenantScope, query: AuditQuery): Promise<NamedEntry[]> {
    const text = query.q ? { contains: query.q, mode: 'insensitive' as const } : undefined;
    return this.database.transact(scope, async (t) =>
      withNames(
        t,
        await t.auditEntry.findMany({
          where: {
            id: query.before ? { lt: query.before } : undefined,
            tenantId: query.tenant,
            gatewayId: query.gateway,
            flushId: query.flush,
            action: query.action,
            OR: text && [
              { summary: text },
              { actorName: text },
              { gatewayName: text },
              { ticket: text },
              { reason: text },
              { action: text },
            ],
          },
          orderBy: { id: 'desc' },
          take: query.limit + 1,
        }),
      ),
    );
  }

  async find(scope: TenantScope, id: string): Promise<NamedEntry | undefined> {
    return this.database.transact(scope, async (t) => (await withNames(t, await t.auditEntry.findMany({ where: { id } })))[0]);
  }

  /** The entries of these spans, in order within each chain. */
  async ofSpans(scope: TenantScope, spans: readonly Span[]): Promise<NamedEntry[]> {
    return this.database.transact(scope, async (t) =>
      withNames(
        t,
        await t.auditEntry.findMany({
          where: { OR: spans.map(({ chain, first, last }) => ({ chain, seq: { gte: BigInt(first), lte: BigInt(last) } })) },
          orderBy: [{ chain: 'asc' }, { seq: 'asc' }],
        }),
      ),
    );
  }

  /**
   * The part of each chain that these times lie in, from its first entry to its last. Clocks of two controllers may disagree; numbers never
   * do.
   */
  async spansBetween(
    scope: TenantScope,
    from?: string,
    to?: string,
    tenantId?: string,
  ): Promise<Map<string, { first: number; last: number }>> {
    const rows = await this.database.transact(scope, (t) =>
      t.auditEntry.groupBy({
        by: ['chain'],
        where: { tenantId, at: { gte: from === undefined ? undefined : new Date(from), lt: to === undefined ? undefined : new Date(to) } },
        _min: { seq: true },
        _max: { seq: true },
      }),
    );
    return new Map(rows.map(({ chain, _min, _max }) => [chain, { first: Number(_min.seq), last: Number(_max.seq) }]));
  }

  /** Hashes of entries, by `chain seq`; entries that do not exist are left out. */
  async hashesOf(scope: TenantScope, places: readonly { chain: string; seq: bigint }[]): Promise<Map<string, string>> {
    if (places.length === 0) return new Map();
    const rows = await this.database.transact(scope, (t) =>
      t.auditEntry.findMany({
        where: { OR: places.map(({ chain, seq }) => ({ chain, seq })) },
        select: { chain: true, seq: true, hash: true },
      }),
    );
    return new Map(rows.map(({ chain, seq, hash }) => [`${chain} ${seq}`, hash]));
  }

  async tenantNames(scope: TenantScope): Promise<Map<string, string>> {
    return new Map(
      (await this.database.transact(scope, (t) => t.tenant.findMany({ select: { id: true, name: true } }))).map((tenant) => [
        tenant.id,
        tenant.name,
      ]),
    );
  }
}

async function withNames(t: Transaction, entries: AuditEntry[]): Promise<NamedEntry[]> {
  const ids = [...new Set(entries.flatMap((entry) => entry.tenantId ?? []))];
  const names = new Map(
    (await t.tenant.findMany({ where: { id: { in: ids } }, select: { id: true, name: true } })).map((tenant) => [tenant.id, tenant.name]),
  );
  return entries.map((entry) => ({ ...entry, tenantName: entry.tenantId ? names.get(entry.tenantId) : undefined }));
}
