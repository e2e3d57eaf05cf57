import { Inject, Injectable } from '@nestjs/common';
import type { Limits } from '../../proto/http/limits.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { LIMITS_WINDOW_MS } from '../../proto/model/tenant-limits.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { LimitsRepository } from './limits.repository.ts';
import { DEFAULT_LIMITS, mayEnd, type LimitedPart, type Verdict } from './may-end.ts';
import { LIMITS_CHANGED } from './notifications.ts';

/** What a plan would end, and whether it asks for all. */
export interface PlannedParts {
  parts: readonly LimitedPart[];
  isEverything: boolean;
}

/**
 * From where on a second person is needed in a tenant. Plans keep what held when they were made, and are held to what holds at their run.
 */
@Injectable()
export class LimitsService {
  constructor(
    @Inject(LimitsRepository) private readonly limits: LimitsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Throws NOT_FOUND for what is not there or out of scope. */
  async get(scope: TenantScope, tenantId: string): Promise<Limits> {
    return (await this.database.transact(scope, (t) => this.limits.find(t, tenantId))) ?? notFound();
  }

  /** Changes what is given. An API token cannot: it could take the second person away that it may not be. Throws NOT_FOUND, FORBIDDEN. */
  async update(caller: Caller, scope: TenantScope, tenantId: string, change: Partial<Limits>): Promise<Limits> {
    return this.database.transact(scope, async (t) => {
      const before = (await this.limits.find(t, tenantId)) ?? notFound();
      if (caller.kind !== 'user')
        throw new FleetError('FORBIDDEN', 'API tokens and service accounts cannot change when a second person is needed. Sign in.');
      const limits = { ...before, ...change };
      await this.limits.set(t, tenantId, limits);
      this.audit.record(t, {
        tenantId,
        actor: toActor(caller),
        action: 'limits.changed',
        outcome: 'ok',
        summary: `${caller.name} changed when a plan needs a second person`,
        detail: { before, after: limits },
      });
      // Gateways hold their remediations to the limits, and those beyond them only suggest.
      await this.notifications.send(t, LIMITS_CHANGED, tenantId);
      return limits;
    });
  }

  /** The limits of these tenants, by their ids. */
  ofTenants(t: Transaction, tenantIds: string[]): Promise<Map<string, Limits>> {
    return this.limits.ofTenants(t, tenantIds);
  }

  /** Whether these parts may be ended by one person, with what was ended alone in the same tenants within the window before `now`. */
  async ofPlan(t: Transaction, { parts, isEverything }: PlannedParts, now: Date): Promise<Verdict> {
    const tenantIds = [...new Set(parts.map(({ tenantId }) => tenantId))];
    const limits = await this.limits.ofTenants(t, tenantIds);
    const recent = await this.limits.endedAlone(t, tenantIds, new Date(now.getTime() - LIMITS_WINDOW_MS));
    const sum = (fits: (row: (typeof recent)[number]) => boolean): number =>
      recent.filter(fits).reduce((flows, row) => flows + row.flows, 0);
    return mayEnd(
      {
        kind: 'plan',
        isEverything,
        before: (tenantId) => sum((row) => row.tenantId === tenantId),
        parts: parts.map((part) => ({ ...part, before: sum((row) => row.gatewayId === part.gatewayId) })),
      },
      (id) => limits.get(id) ?? DEFAULT_LIMITS,
    );
  }

  /** The same for a plan that is being made, and whether one of its tenants demands that the second person signs. */
  async ofNewPlan(t: Transaction, plan: PlannedParts, now: Date): Promise<{ verdict: Verdict; bySignature: boolean }> {
    const limits = await this.limits.ofTenants(t, [...new Set(plan.parts.map(({ tenantId }) => tenantId))]);
    const bySignature = [...limits.values()].some(({ approvalsBySignature }) => approvalsBySignature);
    return { verdict: await this.ofPlan(t, plan, now), bySignature };
  }

  /** The same at the moment at which it is run: until the transaction ends, nobody else begins anything in these tenants. */
  async ofPlanNow(t: Transaction, plan: PlannedParts, now: Date): Promise<Verdict> {
    await this.limits.takeTurn(t, [...new Set(plan.parts.map(({ tenantId }) => tenantId))]);
    return this.ofPlan(t, plan, now);
  }
}

function notFound(): never {
  throw new FleetError('NOT_FOUND', 'There is no such tenant.');
}
