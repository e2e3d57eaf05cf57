import { Inject, Injectable } from '@nestjs/common';
import type { AuthorityIssuer } from '../generated/prisma/client.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { IssuerRow, RootRow, State } from './kept.ts';
import type { Phase, Rotation } from './rotation.ts';

/** The authority's tables. All but the state need the scope `all`. */
@Injectable()
export class AuthorityRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Everything in one transaction; undefined before there is an authority. */
  async read(): Promise<{ state: State; issuers: IssuerRow[] } | undefined> {
    return this.database.transact('all', (t) => this.readIn(t));
  }

  async readIn(t: Transaction): Promise<{ state: State; issuers: IssuerRow[] } | undefined> {
    const state = toState(await t.authorityState.findUnique({ where: { id: 1 } }));
    return state && { state, issuers: await this.issuers(t) };
  }

  /** All issuers with their roots, also retired ones, the oldest first. */
  issuers(t: Transaction): Promise<IssuerRow[]> {
    return t.authorityIssuer.findMany({ include: { root: true }, orderBy: { createdAt: 'asc' } });
  }

  /** Controllers that start at once make one authority: the others wait here until the transaction ends. */
  async lockFirst(t: Transaction): Promise<void> {
    await t.$queryRaw`SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtext('ctfleet authority'))) AS locked`;
  }

  /** The state, locked against everybody else's change and signing. */
  async lock(t: Transaction): Promise<State> {
    await t.$queryRaw`SELECT 1 FROM authority_state WHERE id = 1 FOR UPDATE`;
    const state = toState(await t.authorityState.findUnique({ where: { id: 1 } }));
    if (!state) throw new Error('there is no authority yet');
    return state;
  }

  /** The version, which stays until the transaction ends. */
  async holdVersion(t: Transaction): Promise<number> {
    const [row] = await t.$queryRaw<{ version: number }[]>`SELECT version FROM authority_state WHERE id = 1 FOR SHARE`;
    return row?.version ?? 0;
  }

  async insertRoot(t: Transaction, root: Omit<RootRow, 'exportedAt' | 'keyRemovedAt'>): Promise<void> {
    await t.authorityRoot.create({ data: bytesOf(root) });
  }

  async updateRoot(t: Transaction, id: string, data: Partial<Pick<RootRow, 'sealedKey' | 'exportedAt' | 'keyRemovedAt'>>): Promise<void> {
    await t.authorityRoot.update({ where: { id }, data: bytesOf(data) });
  }

  async insertIssuer(
    t: Transaction,
    issuer: Omit<AuthorityIssuer, 'retiredAt' | 'isAutomatic'> & { isAutomatic?: boolean },
  ): Promise<void> {
    await t.authorityIssuer.create({ data: bytesOf(issuer) });
  }

  async updateIssuerKey(t: Transaction, id: string, sealedKey: Uint8Array<ArrayBuffer>): Promise<void> {
    await t.authorityIssuer.update({ where: { id }, data: { sealedKey } });
  }

  /** An issuer that is not trusted any more, whose key is forgotten. */
  async retireIssuer(t: Transaction, id: string, now: Date): Promise<void> {
    await t.authorityIssuer.update({ where: { id }, data: { retiredAt: now, sealedKey: null } });
  }

  async insertState(t: Transaction, { phase, current, next }: Rotation, since: Date): Promise<void> {
    await t.authorityState.create({ data: { phase, issuerId: current, nextIssuerId: next ?? null, since } });
  }

  async updateState(t: Transaction, { phase, current, next }: Rotation, since: Date): Promise<void> {
    await t.authorityState.update({
      where: { id: 1 },
      data: { phase, issuerId: current, nextIssuerId: next ?? null, since, version: { increment: 1 } },
    });
  }

  /** The gateways that are not revoked, with the issuer of the certificate that each last used. */
  async gateways(t: Transaction): Promise<{ id: string; tenantId: string; name: string; issuer?: string }[]> {
    const rows = await t.gateway.findMany({
      where: { revokedAt: null },
      select: { id: true, tenantId: true, name: true, certificateIssuer: true },
      orderBy: { name: 'asc' },
    });
    return rows.map(({ certificateIssuer, ...row }) => ({ ...row, issuer: certificateIssuer ?? undefined }));
  }

  /** Gateways of which nothing else is known are on the issuer that there was before there were several. */
  async adoptGateways(t: Transaction, issuerId: string): Promise<void> {
    await t.gateway.updateMany({ where: { certificateIssuer: null }, data: { certificateIssuer: issuerId } });
  }

  /** What a controller presents to gateways; without `endsAt` what it did before. Those not seen since `goneBefore` are forgotten. */
  async putController(t: Transaction, name: string, endsAt: Date | undefined, seenAt: Date, goneBefore: Date): Promise<void> {
    if (endsAt) await t.controllerCertificate.upsert({ where: { name }, create: { name, endsAt, seenAt }, update: { endsAt, seenAt } });
    else await t.controllerCertificate.updateMany({ where: { name }, data: { seenAt } });
    await t.controllerCertificate.deleteMany({ where: { seenAt: { lt: goneBefore } } });
  }

  controllers(t: Transaction): Promise<{ name: string; endsAt: Date }[]> {
    return t.controllerCertificate.findMany({ select: { name: true, endsAt: true }, orderBy: { name: 'asc' } });
  }

  /** Join tokens, of one gateway or of many, that are not used up yet and pin the root of the current issuer. */
  async waitingTokens(t: Transaction, now: Date): Promise<number> {
    const live = { revokedAt: null, expiresAt: { gt: now } };
    const single = await t.enrolmentToken.count({ where: { usedAt: null, ...live } });
    return single + (await t.rollout.count({ where: { used: { lt: t.rollout.fields.maxGateways }, ...live } }));
  }
}

type StateRow = { phase: string; issuerId: string; nextIssuerId: string | null; since: Date; version: number };

function toState(row: StateRow | null): State | undefined {
  if (!row) return undefined;
  const { phase, issuerId, nextIssuerId, since, version } = row;
  return { phase: phase as Phase, current: issuerId, next: nextIssuerId ?? undefined, since, version };
}

/** Prisma's bytes have a buffer of their own. */
function bytesOf<T extends { sealedKey?: Uint8Array | null }>(
  row: T,
): Omit<T, 'sealedKey'> & { sealedKey?: Uint8Array<ArrayBuffer> | null } {
  return { ...row, sealedKey: row.sealedKey ? new Uint8Array(row.sealedKey) : row.sealedKey };
}
