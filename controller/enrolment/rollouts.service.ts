import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { createRollout, Enrolment as EnrolmentView, listEnrolments, Rollout as RolloutView } from '../../proto/http/rollouts.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import type { Enrolment, Rollout } from '../generated/prisma/client.ts';
import { isTimeZone } from '../gateways/tenants.service.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { Addresses } from '../platform/addresses.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { hashSecret, newSecret } from '../platform/secret.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { EnrolmentRepository } from './enrolment.repository.ts';
import { APPROVED_MS, enrolmentState, rolloutState, WAITING_MS } from './enrolment-state.ts';
import { formatJoinToken } from './join-token.ts';
import { fingerprintOf, wordsOf } from './joining.service.ts';
import { RolloutsRepository, type RolloutWithSite } from './rollouts.repository.ts';

/** In the audit trail, where `enrolment.refused` is what the controller refused by itself. */
const DECIDED = { approved: 'approved', refused: 'declined' } as const;

/** Roll-outs as people make and watch them, and what they decide about those who ask. */
@Injectable()
export class RolloutsService {
  constructor(
    @Inject(RolloutsRepository) private readonly rollouts: RolloutsRepository,
    @Inject(EnrolmentRepository) private readonly enrolment: EnrolmentRepository,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Addresses) private readonly addresses: Addresses,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Throws NOT_FOUND for a tenant or site out of scope, or a site of another tenant, INVALID_REQUEST for an unknown time zone. */
  async create(
    caller: Caller,
    scope: TenantScope,
    { ttlMinutes, ...asked }: z.output<typeof createRollout.body>,
  ): Promise<RolloutView & { token: string; command: string }> {
    if (!isTimeZone(asked.timeZone))
      throw new FleetError('INVALID_REQUEST', `${asked.timeZone} is not a time zone.`, {
        issues: [{ path: 'body.timeZone', message: 'is not a time zone' }],
      });
    const siteId = asked.siteId ?? null;
    const secret = newSecret();
    const now = this.clock();
    const row = await this.database.transact(scope, async (t) => {
      if (!(await this.rollouts.tenantExists(t, asked.tenantId))) throw new FleetError('NOT_FOUND', 'There is no such tenant.');
      if (siteId !== null && (await this.enrolment.findSite(t, siteId))?.tenantId !== asked.tenantId)
        throw new FleetError('NOT_FOUND', 'There is no such site.');
      const made = await this.rollouts.insert(t, {
        id: newId(),
        ...asked,
        siteId,
        secretHash: hashSecret(secret),
        createdAt: new Date(now),
        expiresAt: new Date(now + ttlMinutes * 60_000),
        createdById: caller.id,
        createdByName: caller.name,
      });
      this.audit.record(t, {
        tenantId: made.tenantId,
        actor: toActor(caller),
        action: 'rollout.made',
        outcome: 'ok',
        summary: `${caller.name} created a join token for ${wordsOf(made)}${made.site ? ` at ${made.site.name}` : ''}`,
        detail: {
          rolloutId: made.id,
          siteId: made.siteId ?? undefined,
          makesSites: made.makesSites,
          sources: made.sources,
          needsApproval: made.needsApproval,
          expiresAt: made.expiresAt.toISOString(),
        },
      });
      return made;
    });
    const token = formatJoinToken({ id: row.id, secret, pin: this.authority.pin });
    const site = siteId === null ? 'CTFLEET_SITE="$SITE" ' : '';
    return {
      ...toView(row, 0, now),
      token,
      command: `${site}CTFLEET_ENROL_ADDRESS=${this.addresses.of('enrol')} CTFLEET_JOIN_TOKEN=${token} ctfleet-agent run`,
    };
  }

  async list(scope: TenantScope, query: { limit: number; cursor?: string }): Promise<Page<RolloutView>> {
    return this.database.transact(scope, async (t) => {
      const rows = await this.rollouts.list(t, query.limit, parseCursor(query.cursor, idSchema));
      const waiting = await this.waiting(t, rows);
      return toPage(
        rows,
        query.limit,
        (row) => toView(row, waiting.get(row.id) ?? 0, this.clock()),
        (row) => row.id,
      );
    });
  }

  /** Throws NOT_FOUND for one out of scope. */
  async get(scope: TenantScope, id: string): Promise<RolloutView> {
    return this.database.transact(scope, async (t) => {
      const row = await this.find(t, id);
      return toView(row, (await this.waiting(t, [row])).get(id) ?? 0, this.clock());
    });
  }

  /** Throws NOT_FOUND for one that is revoked or out of scope. */
  async revoke(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.database.transact(scope, async (t) => {
      const row = await this.rollouts.revoke(t, id, new Date(this.clock()));
      if (!row) throw new FleetError('NOT_FOUND', 'There is no join token for many gateways with this ID that could be revoked.');
      this.audit.record(t, {
        tenantId: row.tenantId,
        actor: toActor(caller),
        action: 'rollout.revoked',
        outcome: 'ok',
        summary: `${caller.name} revoked the join token for ${wordsOf(row)}; ${row.used} had joined`,
        detail: { rolloutId: id, used: row.used },
      });
    });
  }

  /** Throws NOT_FOUND for a roll-out out of scope. */
  async listEnrolments(scope: TenantScope, id: string, query: z.output<typeof listEnrolments.query>): Promise<Page<EnrolmentView>> {
    return this.database.transact(scope, async (t) => {
      const rollout = await this.find(t, id);
      const { limit, state, cursor } = query;
      const rows = await this.rollouts.listEnrolments(t, id, { limit, state, before: parseCursor(cursor, idSchema) });
      return toPage(
        rows,
        limit,
        (row) => toEnrolmentView(row, rollout, this.clock()),
        (row) => row.id,
      );
    });
  }

  /**
   * The agent gets its certificate when it asks again. Also for one that was refused before. Throws NOT_FOUND for one out of scope,
   * INVALID_REQUEST for another fingerprint than its key has, ENROLMENT_OVER for one that has joined or lapsed, or has no place left.
   */
  async approve(caller: Caller, scope: TenantScope, id: string, fingerprint: string): Promise<EnrolmentView> {
    return this.decide(caller, scope, id, 'approved', (row) => {
      if (fingerprint.trim().toLowerCase() !== fingerprintOf(row.keyHash))
        throw new FleetError('INVALID_REQUEST', 'This is not the fingerprint of this gateway’s key. Nothing was approved.', {
          issues: [{ path: 'body.fingerprint', message: 'is another one' }],
        });
    });
  }

  /** Throws NOT_FOUND for one out of scope, ENROLMENT_OVER for one that has joined or lapsed. */
  async refuse(caller: Caller, scope: TenantScope, id: string): Promise<EnrolmentView> {
    return this.decide(caller, scope, id, 'refused', () => undefined);
  }

  private async decide(
    caller: Caller,
    scope: TenantScope,
    id: string,
    decision: keyof typeof DECIDED,
    check: (row: Enrolment) => void,
  ): Promise<EnrolmentView> {
    return this.database.transact(scope, async (t) => {
      const seen = await this.rollouts.findEnrolment(t, id);
      if (!seen) throw new FleetError('NOT_FOUND', 'There is no such enrolment.');
      check(seen);
      await this.rollouts.lockTenant(t, seen.tenantId);
      const found = (await this.rollouts.findEnrolment(t, id)) ?? seen;
      const nowMs = this.clock();
      const { rollout } = found;
      const state = enrolmentState(found, rollout, nowMs);
      if (state === decision) return toEnrolmentView(found, rollout, nowMs);
      if (state === 'enrolled') throw new FleetError('ENROLMENT_OVER', `${found.gatewayName} has joined. Revoke it on its page.`);
      if (state === 'lapsed' || rolloutState(rollout, nowMs) === 'revoked')
        throw new FleetError('ENROLMENT_OVER', `${found.gatewayName} stopped asking, or the token ended.`);
      if (state === 'refused') await this.needPlace(t, rollout, nowMs);
      const decided = await this.rollouts.updateEnrolment(t, id, {
        state: decision,
        decidedAt: new Date(nowMs),
        decidedByName: caller.name,
      });
      this.audit.record(t, {
        tenantId: found.tenantId,
        actor: toActor(caller),
        action: `enrolment.${DECIDED[decision]}`,
        outcome: 'ok',
        summary: `${caller.name} ${DECIDED[decision]} the enrolment of ${found.gatewayName}`,
        detail: {
          enrolmentId: id,
          rolloutId: rollout.id,
          fingerprint: fingerprintOf(found.keyHash),
          address: found.address,
          hostname: found.hostname,
          site: found.siteName,
        },
      });
      return toEnrolmentView(decided, rollout, nowMs);
    });
  }

  /** A place that a refused gateway had may have gone to another. */
  private async needPlace(t: Transaction, rollout: Rollout, nowMs: number): Promise<void> {
    const open = (await this.rollouts.countOpen(t, { rolloutIds: [rollout.id] }, since(nowMs))).get(rollout.id);
    if (rolloutState(rollout, nowMs) !== 'live' || rollout.used + (open?.waiting ?? 0) + (open?.approved ?? 0) >= rollout.maxGateways)
      throw new FleetError('ENROLMENT_OVER', 'The token has no place left.');
  }

  private async find(t: Transaction, id: string): Promise<RolloutWithSite> {
    const row = await this.rollouts.find(t, id);
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such roll-out.');
    return row;
  }

  /** How many await approval, by roll-out. */
  private async waiting(t: Transaction, rows: Rollout[]): Promise<Map<string, number>> {
    const nowMs = this.clock();
    const ids = rows.filter((row) => rolloutState(row, nowMs) === 'live').map(({ id }) => id);
    const open = await this.rollouts.countOpen(t, { rolloutIds: ids }, since(nowMs));
    return new Map([...open].map(([id, { waiting }]) => [id, waiting]));
  }
}

function since(nowMs: number): { waiting: Date; approved: Date } {
  return { waiting: new Date(nowMs - WAITING_MS), approved: new Date(nowMs - APPROVED_MS) };
}

function toView(row: RolloutWithSite, waiting: number, nowMs: number): RolloutView {
  const { id, tenantId, makesSites, namePattern, tags, maxGateways, used, sources, needsApproval } = row;
  return {
    id,
    tenantId,
    siteId: row.siteId ?? undefined,
    siteName: row.site?.name,
    makesSites,
    namePattern,
    tags,
    maxGateways,
    used,
    waiting,
    sources,
    needsApproval,
    state: rolloutState(row, nowMs),
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    createdBy: row.createdByName,
  };
}

function toEnrolmentView(row: Enrolment, rollout: Rollout, nowMs: number): EnrolmentView {
  const { id, rolloutId, tenantId, gatewayName, siteName, hostname, address } = row;
  return {
    id,
    rolloutId,
    tenantId,
    state: enrolmentState(row, rollout, nowMs),
    gatewayName,
    siteName,
    hostname,
    address,
    fingerprint: fingerprintOf(row.keyHash),
    askedAt: row.askedAt.toISOString(),
    lastAskedAt: row.lastAskedAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString(),
    decidedBy: row.decidedByName ?? undefined,
    enrolledAt: row.enrolledAt?.toISOString(),
    gatewayId: row.gatewayId ?? undefined,
  };
}
