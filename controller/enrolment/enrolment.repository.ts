import { Injectable } from '@nestjs/common';
import type { EnrolmentToken, Gateway } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

export type NewEnrolmentToken = Omit<EnrolmentToken, 'usedAt' | 'revokedAt' | 'secretHash'> & {
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

  async findGateway(t: Transaction, id: string): Promise<Gateway | undefined> {
    return (await t.gateway.findUnique({ where: { id } })) ?? undefined;
  }

  /** The generation that a gateway’s next certificate has; its row stays locked until the transaction ends. */
  async nextGeneration(t: Transaction, id: string): Promise<number> {
    // The session's row first, as when an agent connects: two transactions must not wait for each other.
    await t.$queryRaw`SELECT 1 FROM link_session WHERE gateway_id = ${id}::uuid FOR NO KEY UPDATE`;
    const [row] = await t.$queryRaw<{ next: number }[]>`
      SELECT certificate_generation + 1 AS next FROM gateway WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
    if (!row) throw new Error('a join token names a gateway that does not exist');
    return row.next;
  }

  /** Replaces the gateway’s identity by this certificate: every earlier one is superseded, and its holder forgotten. */
  async beginAgain(
    t: Transaction,
    id: string,
    certificate: Pick<Gateway, 'certificateGeneration' | 'certificateKey' | 'certificateEndsAt' | 'certificateIssuer' | 'agentVersion'>,
  ): Promise<void> {
    await t.gateway.update({
      where: { id },
      data: { ...certificate, certificateUsed: certificate.certificateGeneration, revokedAt: null, setAsideAt: null, setAsideReason: null },
    });
    await t.linkSession.updateMany({
      where: { gatewayId: id },
      data: { instanceId: null, superseded: [], takeovers: 0, takeoversSince: null },
    });
  }

  async insertGateway(
    t: Transaction,
    gateway: Pick<Gateway, 'id' | 'tenantId' | 'siteId' | 'name' | 'tags' | 'createdAt' | 'agentVersion'> &
      Pick<Gateway, 'certificateGeneration' | 'certificateKey' | 'certificateEndsAt' | 'certificateIssuer'>,
  ): Promise<void> {
    await t.gateway.create({ data: gateway });
  }
}
