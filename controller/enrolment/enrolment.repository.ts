import { Injectable } from '@nestjs/common';
import type { EnrolmentToken, Gateway } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

export type NewEnrolmentToken = Omit<EnrolmentToken, 'usedAt' | 'revokedAt' | 'gatewayId' | 'secretHash'> & {
  secretHash: Uint8Array<ArrayBuffer>;
};

@Injectable()
export class EnrolmentRepository {
  async findSite(t: Transaction, id: string) {
    return (await t.site.findUnique({ where: { id } })) ?? undefined;
  }

  async nameIsTaken(t: Transaction, tenantId: string, name: string): Promise<boolean> {
    return (await t.gateway.count({ where: { tenantId, name } })) > 0;
  }

  async insertToken(t: Transaction, token: NewEnrolmentToken): Promise<EnrolmentToken> {
    return t.enrolmentToken.create({ data: token });
  }

  async listTokens(t: Transaction, limit: number, before: string | undefined): Promise<EnrolmentToken[]> {
    return t.enrolmentToken.findMany({ where: { id: before ? { lt: before } : undefined }, orderBy: { id: 'desc' }, take: limit + 1 });
  }

  async findToken(t: Transaction, id: string): Promise<EnrolmentToken | undefined> {
    return (await t.enrolmentToken.findUnique({ where: { id } })) ?? undefined;
  }

  /** Revokes an unused token; undefined if there is none. */
  async revokeToken(t: Transaction, id: string, now: Date): Promise<EnrolmentToken | undefined> {
    return (await t.enrolmentToken.updateManyAndReturn({ where: { id, usedAt: null, revokedAt: null }, data: { revokedAt: now } }))[0];
  }

  /** Consumes a live token. Exactly one of several concurrent callers gets it, the others get undefined: the row lock decides. */
  async useToken(t: Transaction, id: string, gatewayId: string, now: Date): Promise<EnrolmentToken | undefined> {
    return (
      await t.enrolmentToken.updateManyAndReturn({
        where: { id, usedAt: null, revokedAt: null, expiresAt: { gt: now } },
        data: { usedAt: now, gatewayId },
      })
    )[0];
  }

  async insertGateway(
    t: Transaction,
    gateway: Pick<Gateway, 'id' | 'tenantId' | 'siteId' | 'name' | 'tags' | 'createdAt' | 'agentVersion'> &
      Pick<Gateway, 'certificateGeneration' | 'certificateKey' | 'certificateEndsAt'>,
  ): Promise<void> {
    await t.gateway.create({ data: gateway });
  }
}
