import { Injectable } from '@nestjs/common';
import type { Grant } from '../../proto/model/access.ts';
import { toGrant } from '../access/callers.repository.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { GroupRole } from './profile.ts';

const PARTS = { groups: { orderBy: { id: 'asc' } } } as const;
export type ProviderRow = Prisma.OidcProviderGetPayload<{ include: typeof PARTS }>;
type Own = Omit<ProviderRow, 'groups'>;
export type Attempt = Prisma.OidcAttemptGetPayload<object>;

/** Providers, sign-ins on their way, and what a provider's groups gave. */
@Injectable()
export class ProvidersRepository {
  async list(t: Transaction): Promise<ProviderRow[]> {
    return t.oidcProvider.findMany({ include: PARTS, orderBy: { id: 'asc' } });
  }

  async find(t: Transaction, id: string): Promise<ProviderRow | undefined> {
    return (await t.oidcProvider.findUnique({ where: { id }, include: PARTS })) ?? undefined;
  }

  /** For the moment in which it is decided whether one more may be made. */
  async lockAll(t: Transaction): Promise<void> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('oidc providers', 0))`;
  }

  async insert(t: Transaction, own: Own, groups: readonly GroupRole[]): Promise<void> {
    await t.oidcProvider.create({ data: own });
    await this.addGroups(t, own.id, groups);
  }

  /** `groups`: all of them from now on; absent: those that it has. */
  async update(t: Transaction, id: string, own: Partial<Own>, groups: readonly GroupRole[] | undefined): Promise<void> {
    await t.oidcProvider.update({ where: { id }, data: own });
    if (!groups) return;
    await t.oidcGroup.deleteMany({ where: { providerId: id } });
    await this.addGroups(t, id, groups);
  }

  /** With all roles that it gave, and the knowledge of who is who there. */
  async remove(t: Transaction, id: string): Promise<void> {
    await t.account.deleteMany({ where: { providerId: accountsOf(id) } });
    await t.oidcProvider.delete({ where: { id } });
  }

  private async addGroups(t: Transaction, providerId: string, groups: readonly GroupRole[]): Promise<void> {
    await t.oidcGroup.createMany({
      data: groups.map(({ group, role, tenantId }) => ({ id: newId(), providerId, name: group, role, tenantId })),
    });
  }

  /** Those that never came back are removed with each new one. */
  async begin(t: Transaction, attempt: Attempt, now: Date): Promise<void> {
    await t.oidcAttempt.deleteMany({ where: { expiresAt: { lte: now } } });
    await t.oidcAttempt.create({ data: attempt });
  }

  /** Takes an attempt out: an answer counts once. */
  async take(t: Transaction, providerId: string, stateHash: Uint8Array<ArrayBuffer>, now: Date): Promise<Attempt | undefined> {
    const where = { stateHash, providerId, expiresAt: { gt: now } };
    const attempt = await t.oidcAttempt.findFirst({ where });
    return attempt && (await t.oidcAttempt.deleteMany({ where })).count === 1 ? attempt : undefined;
  }

  /** The person whom the provider calls this. */
  async findLinked(t: Transaction, providerId: string, subject: string) {
    const account = await t.account.findFirst({
      where: { providerId: accountsOf(providerId), accountId: subject },
      include: { user: true },
    });
    return account?.user;
  }

  async findByEmail(t: Transaction, email: string) {
    return (await t.user.findUnique({ where: { email } })) ?? undefined;
  }

  /** True if somebody has a way to sign in as this person, or is signed in. */
  async canSignIn(t: Transaction, userId: string): Promise<boolean> {
    const { accounts, _count } = await t.user.findUniqueOrThrow({
      where: { id: userId },
      select: {
        accounts: { select: { password: true, providerId: true } },
        _count: { select: { passkeys: true, sessions: true, tokens: true } },
      },
    });
    const isKnownElsewhere = accounts.some(({ password, providerId }) => password !== null || providerId.startsWith('oidc:'));
    return isKnownElsewhere || _count.passkeys + _count.sessions + _count.tokens > 0;
  }

  async endSignInLink(t: Transaction, userId: string): Promise<void> {
    await t.signInLink.deleteMany({ where: { userId } });
  }

  async insertPerson(t: Transaction, person: { id: string; name: string; email: string }, now: Date): Promise<void> {
    await t.user.create({ data: { ...person, emailVerified: true, createdAt: now, updatedAt: now } });
  }

  async link(t: Transaction, providerId: string, subject: string, userId: string, now: Date): Promise<void> {
    const own = { providerId: accountsOf(providerId), accountId: subject, userId };
    await t.account.create({ data: { id: newId(), ...own, createdAt: now, updatedAt: now } });
  }

  /** One after the other: two sign-ins of one person at once would both add what the other did. */
  async lockPerson(t: Transaction, userId: string): Promise<void> {
    await t.$executeRaw`SELECT 1 FROM "user" WHERE id = ${userId} FOR NO KEY UPDATE`;
  }

  /** What the provider's groups gave, and what people or other providers did. */
  async grantsOf(t: Transaction, userId: string, providerId: string): Promise<{ own: Grant[]; others: number }> {
    const rows = await t.roleGrant.findMany({ where: { userId }, orderBy: { id: 'asc' } });
    const own = rows.filter((row) => row.providerId === providerId);
    return { own: own.map(toGrant), others: rows.length - own.length };
  }

  async replaceGrants(t: Transaction, userId: string, providerId: string, grants: readonly Grant[], now: Date): Promise<void> {
    await t.roleGrant.deleteMany({ where: { userId, providerId } });
    await t.roleGrant.createMany({ data: grants.map((grant) => ({ id: newId(), userId, providerId, ...grant, createdAt: now })) });
  }

  async noteSignIn(t: Transaction, userId: string, now: Date): Promise<void> {
    await t.user.update({ where: { id: userId }, data: { lastSignInAt: now } });
  }
}

function accountsOf(providerId: string): string {
  return `oidc:${providerId}`;
}
