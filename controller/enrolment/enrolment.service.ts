import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { createEnrolmentToken, createReenrolmentToken, enrolmentToken } from '../../proto/http/enrolment.ts';
import type { EnrolRequest, EnrolResponse } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import type { EnrolmentToken } from '../generated/prisma/client.ts';
import { taken } from '../gateways/tenants.service.ts';
import { Addresses } from '../platform/addresses.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { hashSecret, isSecret, newSecret } from '../platform/secret.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { textFrom } from '../platform/untrusted.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { AuthorityStore } from '../identity/authority-store.service.ts';
import { provenKey } from '../identity/certificates.ts';
import { keyHash } from '../identity/gateway-identity.ts';
import { EnrolmentRepository } from './enrolment.repository.ts';
import { formatJoinToken, joinTokenState, parseJoinToken } from './join-token.ts';
import { JoiningService } from './joining.service.ts';
import { EnrolmentRefusals } from './refusals.service.ts';
import { GATEWAY_CHANGED, GATEWAY_REVOKED } from '../link/notifications.ts';

type TokenView = z.output<typeof enrolmentToken>;

/** Of the certificate that enrolment issues; each renewal issues the next. */
const FIRST_GENERATION = 1;

/** Join tokens are created by people and used once by a gateway, for the tenant, site and name that they were created for. */
@Injectable()
export class EnrolmentService {
  constructor(
    @Inject(EnrolmentRepository) private readonly enrolment: EnrolmentRepository,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(AuthorityStore) private readonly store: AuthorityStore,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EnrolmentRefusals) private readonly refusals: EnrolmentRefusals,
    @Inject(JoiningService) private readonly joining: JoiningService,
    @Inject(Addresses) private readonly addresses: Addresses,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Throws NOT_FOUND for a site out of scope, ALREADY_EXISTS if the tenant already has a gateway of this name. */
  async createToken(
    caller: Caller,
    scope: TenantScope,
    body: z.output<typeof createEnrolmentToken.body>,
  ): Promise<TokenView & { token: string; command: string }> {
    return this.make(scope, caller, body.ttlMinutes, async (t) => {
      const site = await this.enrolment.findSite(t, body.siteId);
      if (!site) throw new FleetError('NOT_FOUND', 'There is no such site.');
      if (await this.enrolment.nameIsTaken(t, site.tenantId, body.gatewayName))
        throw new FleetError(
          'ALREADY_EXISTS',
          `This tenant already has a gateway named ${body.gatewayName}. If it is the same one, enrol it again on its page.`,
        );
      const place = { tenantId: site.tenantId, siteId: site.id, gatewayName: body.gatewayName, tags: body.tags };
      return { ...place, gatewayId: null, isAgain: false, words: `${body.gatewayName} at ${site.name}` };
    });
  }

  /** A token for a gateway that exists, also a revoked one. Throws NOT_FOUND for one out of scope. */
  async createTokenAgain(
    caller: Caller,
    scope: TenantScope,
    id: string,
    { ttlMinutes }: z.output<typeof createReenrolmentToken.body>,
  ): Promise<TokenView & { token: string; command: string }> {
    return this.make(scope, caller, ttlMinutes, async (t) => {
      const gateway = await this.enrolment.findGateway(t, id);
      if (!gateway) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
      const { tenantId, siteId, name, tags } = gateway;
      return { tenantId, siteId, gatewayName: name, tags, gatewayId: id, isAgain: true, words: `${name} again` };
    });
  }

  private async make(
    scope: TenantScope,
    caller: Caller,
    ttlMinutes: number,
    place: (
      t: Transaction,
    ) => Promise<Pick<EnrolmentToken, 'tenantId' | 'siteId' | 'gatewayName' | 'tags' | 'gatewayId' | 'isAgain'> & { words: string }>,
  ): Promise<TokenView & { token: string; command: string }> {
    const secret = newSecret();
    const now = this.clock();
    const row = await this.database.transact(scope, async (t) => {
      const { words, ...whose } = await place(t);
      const token = await this.enrolment.insertToken(t, {
        id: newId(),
        ...whose,
        secretHash: hashSecret(secret),
        createdAt: new Date(now),
        expiresAt: new Date(now + ttlMinutes * 60_000),
        createdById: caller.id,
        createdByName: caller.name,
      });
      this.audit.record(t, {
        tenantId: whose.tenantId,
        actor: toActor(caller),
        action: 'enrolment.token-made',
        outcome: 'ok',
        summary: `${caller.name} created a join token for ${words}`,
        gatewayId: whose.gatewayId ?? undefined,
        gatewayName: whose.gatewayId === null ? undefined : whose.gatewayName,
        detail: { tokenId: token.id, siteId: whose.siteId },
      });
      return token;
    });
    const token = formatJoinToken({ id: row.id, secret, pin: this.authority.pin });
    return {
      ...toView(row, now),
      token,
      command: `CTFLEET_ENROL_ADDRESS=${this.addresses.of('enrol')} CTFLEET_JOIN_TOKEN=${token} ctfleet-agent run`,
    };
  }

  async listTokens(scope: TenantScope, query: { limit: number; cursor?: string }): Promise<Page<TokenView>> {
    const rows = await this.database.transact(scope, (t) => this.enrolment.listTokens(t, query.limit, parseCursor(query.cursor, idSchema)));
    return toPage(
      rows,
      query.limit,
      (row) => toView(row, this.clock()),
      (row) => row.id,
    );
  }

  /** Throws NOT_FOUND for a token that is used, revoked, out of scope or unknown. */
  async revokeToken(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.database.transact(scope, async (t) => {
      const row = await this.enrolment.revokeToken(t, id, new Date(this.clock()));
      if (!row) throw new FleetError('NOT_FOUND', 'There is no unused token with this ID.');
      this.audit.record(t, {
        tenantId: row.tenantId,
        actor: toActor(caller),
        action: 'enrolment.token-revoked',
        outcome: 'ok',
        summary: `${caller.name} revoked the join token for ${row.gatewayName}`,
        detail: { tokenId: id },
      });
    });
  }

  /**
   * Exchanges a live token and a CSR for a certificate. Creating the gateway's row and consuming the token are one transaction, so of
   * several concurrent enrolments one wins. Throws JOIN_TOKEN_REFUSED with the same words for every reason; the audit trail has the reason.
   * Throws RATE_LIMITED for an address that was refused too often. A token for many gateways is JoiningService's.
   */
  async enrol(request: EnrolRequest, address: string): Promise<EnrolResponse> {
    await this.refusals.check(address);
    const parsed = parseJoinToken(request.token);
    const token = parsed && (await this.database.transact('all', (t) => this.enrolment.findToken(t, parsed.id)));
    if (parsed && !token) return this.joining.join(parsed, request, address);
    if (!parsed || !token || !isSecret(parsed.secret, token.secretHash)) return this.refusals.refuse('unknown', undefined, address);
    const gatewayId = token.isAgain ? token.gatewayId! : newId();
    if (request.gatewayId !== '' && request.gatewayId !== gatewayId) return this.refuse('for another gateway', token, address);
    const nowMs = this.clock();
    const { tenantId } = token;
    const publicKey = await provenKey(request.csr);
    const issued = await this.database
      .transact(new Set([tenantId]), async (t) => {
        if (!(await this.enrolment.useToken(t, token.id, gatewayId, new Date(nowMs)))) return undefined;
        const generation = token.isAgain ? await this.enrolment.nextGeneration(t, gatewayId) : FIRST_GENERATION;
        await this.store.hold(t);
        const certificate = await this.authority.issueGateway(publicKey, { tenantId, gatewayId }, generation, nowMs);
        const own = {
          agentVersion: textFrom(request.agentVersion, 50),
          certificateGeneration: generation,
          certificateKey: keyHash(new Uint8Array(publicKey.rawData)),
          certificateEndsAt: certificate.notAfter,
          certificateIssuer: certificate.issuerId,
        };
        if (token.isAgain) await this.enrolment.beginAgain(t, gatewayId, own);
        else
          await this.enrolment.insertGateway(t, {
            id: gatewayId,
            tenantId,
            siteId: token.siteId,
            name: token.gatewayName,
            tags: token.tags,
            createdAt: new Date(nowMs),
            ...own,
          });
        this.audit.record(t, {
          tenantId,
          actor: { kind: 'gateway', id: gatewayId, name: token.gatewayName },
          action: 'enrolment.ok',
          outcome: 'ok',
          summary: `${token.gatewayName} enrolled${token.isAgain ? ' again' : ''}`,
          gatewayId,
          gatewayName: token.gatewayName,
          detail: { tokenId: token.id, address, hostname: textFrom(request.hostname, 100), generation },
        });
        if (token.isAgain) await this.notifications.send(t, GATEWAY_REVOKED, gatewayId);
        await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
        return certificate;
      })
      .catch(taken(`The tenant already has a gateway named ${token.gatewayName}.`));
    if (!issued) return this.refuse(await this.stateNow(token.id), token, address);
    return {
      gatewayId,
      gatewayName: token.gatewayName,
      certificatePem: Buffer.from(issued.certificatePem),
      caPem: Buffer.from(this.authority.pem),
      linkAddress: this.addresses.of('link'),
      notAfterMs: BigInt(issued.notAfter.getTime()),
    };
  }

  private async stateNow(id: string): Promise<string> {
    const row = await this.database.transact('all', (t) => this.enrolment.findToken(t, id));
    return row ? joinTokenState(row, this.clock()) : 'unknown';
  }

  private refuse(why: string, { id, tenantId, gatewayName: words }: EnrolmentToken, address: string): Promise<never> {
    return this.refusals.refuse(why, { id, tenantId, words }, address);
  }
}

function toView(row: EnrolmentToken, nowMs: number): TokenView {
  return {
    id: row.id,
    tenantId: row.tenantId,
    siteId: row.siteId,
    gatewayName: row.gatewayName,
    state: joinTokenState(row, nowMs),
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    usedAt: row.usedAt?.toISOString(),
    gatewayId: row.gatewayId ?? undefined,
    isAgain: row.isAgain,
    createdBy: row.createdByName,
  };
}
