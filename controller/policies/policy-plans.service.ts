import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import {
  MAX_PLAN_BYTES,
  MAX_PLANNED_GATEWAYS,
  type planNewPolicy,
  type planPolicy,
  type PolicyPlan,
} from '../../proto/http/policy-plans.ts';
import type { Scope } from '../../proto/http/scope.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { differenceOf } from '../../proto/model/policy/difference.ts';
import { effectivePolicy } from '../../proto/model/policy/effective.ts';
import { warningsOf } from '../../proto/model/policy/warnings/warnings.ts';
import type { GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { HistoryService } from '../history/history.service.ts';
import type { Usage } from '../history/sample-row.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { AttachedPolicies } from './attached-policies.service.ts';
import { shownTo, toDifferenceView, toWarningViews, type Shown } from './effective-view.ts';
import { factsOf } from './gateway-facts.ts';
import { GatewayReadings } from './gateway-readings.service.ts';
import { digestsInForce, valuesDigest } from './in-force.ts';
import { digestOf, layersOn, type AttachedPolicy } from './layers.ts';
import type { PlannedPart } from './planned.ts';
import { shownOfEach } from './planned-effects.ts';
import { PolicyDrafts, type Draft } from './policy-drafts.service.ts';
import { reaches } from './targets.ts';

/** A plan with all that carrying it out needs. `tenantOf`: of each policy that is part of it; null for the installation. */
export interface WholePlan {
  plan: PolicyPlan;
  draft: Draft;
  parts: PlannedPart[];
  tenantOf: Record<string, string | null>;
}

interface Planning {
  policies: readonly AttachedPolicy[];
  usage: Usage | undefined;
  /** As of `digestsInForce`. */
  inForce: string | null | undefined;
  shown: Shown;
  /** Rows of the flows that would be stopped. */
  maxFlows: number;
  isRecentEnough: boolean;
  signal: AbortSignal;
}

/** What a policy would change on gateways. Only looks: nothing is applied, and nothing is saved. */
@Injectable()
export class PolicyPlansService {
  constructor(
    @Inject(PolicyDrafts) private readonly drafts: PolicyDrafts,
    @Inject(AttachedPolicies) private readonly attached: AttachedPolicies,
    @Inject(GatewayReadings) private readonly readings: GatewayReadings,
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Throws NOT_FOUND for the policy or the scope, SCOPE_EMPTY, POLICY_INVALID, PLAN_TOO_LARGE, INVALID_REQUEST for a wrong target. */
  async plan(scope: TenantScope, id: string, body: z.output<typeof planPolicy.body>, signal: AbortSignal): Promise<PolicyPlan> {
    return (await this.planFor(scope, await this.drafts.of(scope, id, body), body.scope, signal)).plan;
  }

  /** Of a policy as it is saved, with all that carrying it out needs; agents compare with it before they do. Throws likewise. */
  async whole(scope: TenantScope, id: string, wanted: Scope, signal: AbortSignal): Promise<WholePlan> {
    return this.planFor(scope, await this.drafts.of(scope, id, {}), wanted, signal, true);
  }

  /** The same of a policy that is not saved; FORBIDDEN and NOT_FOUND as for saving one. */
  async planNew(scope: TenantScope, body: z.output<typeof planNewPolicy.body>, signal: AbortSignal): Promise<PolicyPlan> {
    return (await this.planFor(scope, await this.drafts.ofNew(scope, body), body.scope, signal)).plan;
  }

  private async planFor(scope: TenantScope, draft: Draft, wanted: Scope, signal: AbortSignal, isRecentEnough = false): Promise<WholePlan> {
    const rows = await this.gateways.inScope(scope, wanted);
    const { policy, saved, digest } = draft;
    const reached = rows.filter((row) => reaches(policy, row) || (saved !== undefined && reaches(saved, row)));
    if (reached.length > MAX_PLANNED_GATEWAYS)
      throw new FleetError(
        'PLAN_TOO_LARGE',
        `The policy reaches ${reached.length} gateways of this scope, and one plan has ${MAX_PLANNED_GATEWAYS} at most. Narrow the scope.`,
      );
    const others = (await this.attached.on(reached)).filter(({ id }) => id !== policy.id);
    const policies = [...others, policy];
    const shown = shownTo(scope, (id) => policies.find((one) => one.id === id)?.tenantId ?? null);
    const ids = reached.map(({ id }) => id);
    const [usage, inForce] = await this.database.transact(scope, async (t) => [
      await this.history.usage(t, ids),
      await digestsInForce(t, ids),
    ]);
    const maxFlows = shownOfEach(reached.length);
    const planned = await Promise.all(
      reached.map((row) =>
        this.planOn(row, { policies, usage: usage.get(row.id), inForce: inForce.get(row.id), shown, maxFlows, isRecentEnough, signal }),
      ),
    );
    const gateways = planned.map(({ gateway }) => gateway);
    if (Buffer.byteLength(JSON.stringify(gateways)) > MAX_PLAN_BYTES)
      throw new FleetError('PLAN_TOO_LARGE', `The plan is larger than ${MAX_PLAN_BYTES / 2 ** 20} MiB. Narrow the scope.`);
    const { level, tag, siteId, gatewayId, id, tenantId } = policy;
    const plan: PolicyPlan = {
      digest: digestOf({
        policy: { id, tenantId, level, tag, siteId, gatewayId, digest },
        // Without origins, of which not everybody sees the same, and without effects, which are others each second.
        gateways: planned.map(({ gateway, difference = null }) => ({ gatewayId: gateway.gatewayId, state: gateway.state, difference })),
      }),
      plannedAt: new Date(this.clock()).toISOString(),
      isApplied: false,
      gateways,
      unreached: rows.length - reached.length,
    };
    return { plan, draft, parts: planned, tenantOf: Object.fromEntries(policies.map((one) => [one.id, one.tenantId])) };
  }

  private async planOn(
    row: GatewayRow,
    { policies, usage, inForce, shown, maxFlows, isRecentEnough, signal }: Planning,
  ): Promise<PlannedPart> {
    const effective = effectivePolicy(layersOn(policies, row));
    const named = { gatewayId: row.id, gatewayName: row.name, tenantId: row.tenantId, tenantName: row.tenant.name };
    const read = await this.readings.plan(row, effective.values, { maxFlows, isRecentEnough }, signal);
    const actual = 'reading' in read ? read.reading.actual : undefined;
    const warnings = toWarningViews(warningsOf(effective, actual, factsOf(usage)));
    if (!('reading' in read)) return { row, effective, gateway: { ...named, ...read, warnings } };
    const difference = differenceOf(effective.values, read.reading.actual);
    const answered = { state: 'answered' as const, readAt: read.at.toISOString() };
    const told = {
      difference: toDifferenceView(difference, effective, shown),
      effects: read.effects,
      ...(inForce !== undefined && { isInForce: inForce === valuesDigest(effective) }),
    };
    return { row, effective, gateway: { ...named, ...answered, ...told, warnings }, difference };
  }
}
