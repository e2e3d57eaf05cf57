import { Injectable } from '@nestjs/common';
import type { Enrolment, Prisma, Rollout } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

export type NewRollout = Omit<Rollout, 'used' | 'revokedAt' | 'secretHash'> & { secretHash: Uint8Array<ArrayBuffer> };
export type RolloutWithSite = Rollout & { site: { name: string } | null };
type Later = 'decidedAt' | 'decidedByName' | 'enrolledAt' | 'gatewayId';
type NewEnrolment = Omit<Enrolment, Later> & Partial<Pick<Enrolment, Later>>;

const WITH_SITE = { site: { select: { name: true } } } as const;

/** Roll-outs, and who asked with their tokens. */
@Injectable()
export class RolloutsRepository {
  async tenantExists(t: Transaction, id: string): Promise<boolean> {
    return (await t.tenant.count({ where: { id } })) === 1;
  }

  async insert(t: Transaction, rollout: NewRollout): Promise<RolloutWithSite> {
    return t.rollout.create({ data: rollout, include: WITH_SITE });
  }

  async list(t: Transaction, limit: number, before: string | undefined): Promise<RolloutWithSite[]> {
    return t.rollout.findMany({
      where: { id: before ? { lt: before } : undefined },
      include: WITH_SITE,
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
  }

  async find(t: Transaction, id: string): Promise<RolloutWithSite | undefined> {
    return (await t.rollout.findUnique({ where: { id }, include: WITH_SITE })) ?? undefined;
  }

  /** Revokes a token that is not revoked; undefined if there is none. */
  async revoke(t: Transaction, id: string, now: Date): Promise<Rollout | undefined> {
    return (await t.rollout.updateManyAndReturn({ where: { id, revokedAt: null }, data: { revokedAt: now } }))[0];
  }

  /** Holds the tenant until the transaction ends: names, places and new sites of its roll-outs are given one after the other. */
  async lockTenant(t: Transaction, id: string): Promise<void> {
    await t.$queryRaw`SELECT 1 FROM tenant WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
  }

  /** One more gateway has joined. The table refuses more than the roll-out allows. */
  async countGateway(t: Transaction, id: string): Promise<void> {
    await t.rollout.update({ where: { id }, data: { used: { increment: 1 } } });
  }

  /** Those that have not lapsed by themselves, by roll-out: awaiting a decision, and approved. */
  async countOpen(
    t: Transaction,
    where: { rolloutIds: string[] } | { tenantId: string },
    since: { waiting: Date; approved: Date },
  ): Promise<Map<string, { waiting: number; approved: number }>> {
    const rows = await t.enrolment.groupBy({
      by: ['rolloutId', 'state'],
      _count: true,
      where: {
        ...('tenantId' in where ? { tenantId: where.tenantId, rollout: { revokedAt: null } } : { rolloutId: { in: where.rolloutIds } }),
        OR: [
          { state: 'waiting', lastAskedAt: { gte: since.waiting } },
          { state: 'approved', decidedAt: { gte: since.approved } },
        ],
      },
    });
    const counts = new Map<string, { waiting: number; approved: number }>();
    for (const { rolloutId, state, _count } of rows) {
      const of = counts.get(rolloutId) ?? { waiting: 0, approved: 0 };
      counts.set(rolloutId, { ...of, [state]: _count });
    }
    return counts;
  }

  /** Names `among` those asked about that gateways of the tenant have, or will have once approved; `except` one enrolment's own. */
  async takenNames(
    t: Transaction,
    { tenantId, since, except, among }: { tenantId: string; since: Date; except?: string; among: Prisma.StringFilter[] },
  ): Promise<Set<string>> {
    const gateways = await t.gateway.findMany({ where: { tenantId, OR: among.map((name) => ({ name })) }, select: { name: true } });
    const promised = await t.enrolment.findMany({
      where: {
        tenantId,
        id: { not: except },
        state: { in: ['waiting', 'approved'] },
        lastAskedAt: { gte: since },
        rollout: { revokedAt: null },
        OR: among.map((gatewayName) => ({ gatewayName })),
      },
      select: { gatewayName: true },
    });
    return new Set([...gateways.map(({ name }) => name), ...promised.map(({ gatewayName }) => gatewayName)]);
  }

  async findSite(t: Transaction, tenantId: string, name: string): Promise<{ id: string; name: string } | undefined> {
    return (await t.site.findUnique({ where: { tenantId_name: { tenantId, name } }, select: { id: true, name: true } })) ?? undefined;
  }

  async insertSite(t: Transaction, site: { id: string; tenantId: string; name: string; timeZone: string; createdAt: Date }): Promise<void> {
    await t.site.create({ data: site });
  }

  async findByKey(t: Transaction, rolloutId: string, keyHash: string): Promise<Enrolment | undefined> {
    return (await t.enrolment.findUnique({ where: { rolloutId_keyHash: { rolloutId, keyHash } } })) ?? undefined;
  }

  async findEnrolment(t: Transaction, id: string): Promise<(Enrolment & { rollout: Rollout }) | undefined> {
    return (await t.enrolment.findUnique({ where: { id }, include: { rollout: true } })) ?? undefined;
  }

  async listEnrolments(
    t: Transaction,
    rolloutId: string,
    { limit, before, state }: { limit: number; before?: string; state?: string },
  ): Promise<Enrolment[]> {
    return t.enrolment.findMany({
      where: { rolloutId, state, id: before ? { lt: before } : undefined },
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
  }

  async insertEnrolment(t: Transaction, enrolment: NewEnrolment): Promise<void> {
    await t.enrolment.create({ data: enrolment });
  }

  async updateEnrolment(t: Transaction, id: string, data: Partial<Omit<Enrolment, 'id' | 'rolloutId' | 'tenantId'>>): Promise<Enrolment> {
    return t.enrolment.update({ where: { id }, data });
  }

  /** Forgets those of a roll-out that have lapsed, so that only what a person decided, and what is open, is kept. */
  async dropLapsed(t: Transaction, rolloutId: string, waitingBefore: Date): Promise<void> {
    await t.enrolment.deleteMany({ where: { rolloutId, state: 'waiting', lastAskedAt: { lt: waitingBefore } } });
  }

  /** True for a gateway whose certificate is still this one; false for one that renewed it, or was revoked or set aside. */
  async isUnrenewed(t: Transaction, id: string, keyHash: string, generation: number): Promise<boolean> {
    return (
      (await t.gateway.count({
        where: { id, certificateKey: keyHash, certificateGeneration: generation, revokedAt: null, setAsideAt: null },
      })) === 1
    );
  }
}
