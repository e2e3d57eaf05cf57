import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { Flush as FlushView, listFlushes } from '../../proto/http/flushes.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { assertProved, type Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { counted } from '../platform/plural.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { StartsService } from './starts.service.ts';
import { subjectOf } from './subject.ts';
import { sumOfCameBack } from '../wan-events/came-back-sum.ts';
import { WanEventsService } from '../wan-events/wan-events.service.ts';
import { toFlushView, totalsOf } from './flush-view.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { LimitsService } from '../plans/limits.service.ts';
import type { Verdict } from '../plans/may-end.ts';
import { notThere } from '../platform/not-there.ts';
import { addTotals } from '../plans/outcomes.ts';
import { refusalsOf, toApprovalView, toLimitedPart, type PlanRow } from '../plans/plan-view.ts';
import { PlansRepository } from '../plans/plans.repository.ts';
import { toWaves } from '../plans/waves.ts';
import { isUnfinished, type FlushState, type TargetState } from './states.ts';

/** The second person behind a remediation, who has approved everything that its revision does. */
export interface Agreement {
  byId: string;
  byName: string;
  at: Date;
}

interface RunOptions {
  withWaves?: boolean;
  agreed?: Agreement;
}

/** Flushes: plans being carried out. Everything that decides is in Postgres before anything happens on a gateway (I1, I5). */
@Injectable()
export class FlushesService {
  constructor(
    @Inject(WanEventsService) private readonly wanEvents: WanEventsService,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(StartsService) private readonly starts: StartsService,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Begins a flush and returns its id. One transaction writes the audit entries, the flush with its targets in their waves, and the
   * commands and outbox rows of the first wave. `agreed`: the second person who approved the remediation that made the plan. Throws
   * NOT_FOUND, PLAN_DIGEST_MISMATCH, PLAN_EXPIRED, PLAN_EMPTY, PLAN_ALREADY_RUN, APPROVAL_NEEDED.
   */
  async run(
    caller: Caller,
    scope: TenantScope,
    planId: string,
    digest: string,
    { withWaves = true, agreed }: RunOptions = {},
  ): Promise<string> {
    const now = new Date(this.clock());
    const flushId = newId();
    await this.database
      .transact(
        scope,
        async (t) => {
          const plan = await this.plans.find(t, planId);
          checkRunnable(plan, digest, now);
          if (plan.isEverything) assertProved(caller, now.getTime());
          const planned = plan.gateways.filter((gateway) => gateway.state === 'ready');
          if (agreed && !plan.approval) {
            const { byId: approvedById, byName: approvedByName, at: approvedAt } = agreed;
            const approval = { planId, tenantIds: plan.tenantIds, digest, approvedById, approvedByName, approvedAt };
            await this.plans.approve(t, approval);
            plan.approval = { ...approval, signature: null };
          }
          const verdict = await this.limits.ofPlanNow(t, { parts: planned.map(toLimitedPart), isEverything: plan.isEverything }, now);
          checkAllowed(plan, verdict);
          const waves = toWaves(planned, withWaves);
          const targets = planned.map((gateway, index) => ({ ...gateway, wave: waves[index]! }));
          const tenantIds = [...new Set(targets.map((target) => target.tenantId))].toSorted();
          this.recordStart(t, caller, plan, flushId, tenantIds, Math.max(...waves));
          await this.starts.begin(t, { id: flushId, plan, tenantIds, by: caller, targets }, now);
        },
        { timeoutMs: 60_000 },
      )
      .catch((error: unknown) => {
        throw isUniqueViolation(error)
          ? new FleetError('PLAN_ALREADY_RUN', 'This plan has already been run. A plan can be run only once.', {}, { cause: error })
          : error;
      });
    return flushId;
  }

  async list(scope: TenantScope, query: z.output<NonNullable<typeof listFlushes.query>>): Promise<z.output<typeof listFlushes.response>> {
    const { cursor, ...wanted } = query;
    const rows = await this.database.transact(scope, (t) => this.flushes.list(t, { ...wanted, before: parseCursor(cursor, idSchema) }));
    return toPage(
      rows,
      query.limit,
      (row) => {
        const { targets: _, ...view } = toFlushView(row);
        return view;
      },
      (row) => row.id,
    );
  }

  /** Throws NOT_FOUND if the flush does not exist or is out of scope. */
  async get(scope: TenantScope, id: string): Promise<FlushView> {
    const found = await this.database.transact(scope, async (t) => {
      const row = await this.flushes.find(t, id, 'flows');
      return row && { row, ...(await this.wanEvents.ofFlush(t, id)) };
    });
    if (!found) throw notThere('flush');
    const { row, wanEventIds, cameBack } = found;
    const view = toFlushView(row);
    return {
      ...view,
      targets: view.targets.map((target) => ({ ...target, cameBack: cameBack.get(target.gatewayId) })),
      cameBack: sumOfCameBack([...cameBack.values()]),
      wanEventIds,
    };
  }

  /** One line per flush, for the fleet's event stream; flushes out of scope and roll-outs are left out. */
  async briefly(scope: TenantScope, ids: string[]): Promise<{ flushId: string; state: FlushState; done: number; planned: number }[]> {
    if (ids.length === 0) return [];
    return this.database.transact(scope, async (t) => {
      const rows = [];
      for (const id of ids) {
        const row = await this.flushes.find(t, id, 'flows');
        if (!row) continue;
        const done = row.targets.reduce(
          (sum, target) => sum + (isUnfinished(target.state as TargetState) ? target.done : target.planned),
          0,
        );
        rows.push({ flushId: id, state: row.state as FlushState, done, planned: addTotals(row.targets.map(totalsOf)).planned });
      }
      return rows;
    });
  }

  private recordStart(t: Transaction, caller: Caller, plan: PlanRow, flushId: string, tenantIds: string[], waves: number): void {
    for (const tenantId of tenantIds) {
      const own = plan.gateways.filter((gateway) => gateway.tenantId === tenantId && gateway.state === 'ready');
      const flows = own.reduce((sum, gateway) => sum + gateway.flows, 0);
      this.audit.record(t, {
        tenantId,
        actor: toActor(caller),
        action: 'flush.started',
        outcome: 'ok',
        planId: plan.id,
        flushId,
        reason: plan.reason,
        ticket: plan.ticket ?? undefined,
        summary: `${caller.name} began to ${plan.method} ${[...(refusalsOf(own).refused ?? []), counted(flows, 'flow')].join(', and ')} on ${counted(own.length, 'gateway')}`,
        detail: {
          digest: plan.digest,
          waves,
          approvedBy: plan.approval?.approvedByName,
          signedWith: plan.approval ? toApprovalView(plan.approval).passkey : undefined,
          filter: plan.filter,
          isEverything: plan.isEverything,
          ...refusalsOf(own),
          flows,
          gateways: own.map((gateway) => ({ id: gateway.gatewayId, name: gateway.name, flows: gateway.flows })),
        },
      });
    }
  }
}

function checkRunnable(plan: PlanRow | undefined, digest: string, now: Date): asserts plan is PlanRow {
  if (!plan || subjectOf(plan) !== 'flows') throw notThere('plan');
  if (plan.digest !== digest) throw new FleetError('PLAN_DIGEST_MISMATCH', 'The digest does not match this plan. Review the plan again.');
  if (plan.flush)
    throw new FleetError('PLAN_ALREADY_RUN', 'This plan has already been run. A plan can be run only once.', { flushId: plan.flush.id });
  if (plan.expiresAt <= now) throw new FleetError('PLAN_EXPIRED', 'This plan has expired. Create a new one.');
  if (plan.gateways.every((gateway) => gateway.state !== 'ready'))
    throw new FleetError('PLAN_EMPTY', 'This plan holds no flows; there is nothing to run.');
}

/** A plan that nobody else approved must satisfy both the limits in force when it was made and those in force now. */
function checkAllowed({ approval, digest, friction, needsSignature }: PlanRow, verdict: Verdict): void {
  if (approval?.digest === digest || (friction !== 'second-person' && verdict.kind === 'free')) return;
  const whenMade = needsSignature ? 'a signature was demanded when it was made' : 'it exceeded what one person may end when it was made';
  const why = verdict.kind === 'free' ? whenMade : verdict.why;
  throw new FleetError(
    'APPROVAL_NEEDED',
    `This plan needs a second person: ${why}. It must be approved first by somebody who may approve plans.`,
  );
}
