import { Inject, Injectable } from '@nestjs/common';
import type { Scope } from '../../proto/http/scope.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { MAX_PAST_RUNS, whyNotNow, whyTooMany, type PastRun } from '../../proto/model/remediation-limits.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { FlushesService, type Agreement } from '../flushes/flushes.service.ts';
import { PlansService } from '../plans/plans.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { ReachService } from './reach.service.ts';
import type { RemediationRow, RunRow } from './rows.ts';
import { RunsRepository } from './runs.repository.ts';
import { effectiveMode, isApproved, type Standing } from './standing.ts';
import { StandingsService } from './standings.service.ts';

/** A plan is made and begun within a minute; a run without a flush after this long has been abandoned. */
const ORPHAN_MS = 5 * 60_000;
/** A run that nobody watched may be found wrong the next morning, but its flows are long gone by then. */
const UNDO_FOR_SECONDS = 300;
/** Visible only to callers that see all tenants. */
const NO_TENANT = '00000000-0000-0000-0000-000000000000';

/** Why a run begins: in words, and the occasion that makes it happen once. `sites` narrows the scope to those of one zone. */
export interface Firing {
  trigger: string;
  occasion?: string;
  sites?: string[];
  triggeredAtMs: number;
}

/**
 * Runs that span gateways, or that no gateway can trigger: by schedule, by webhook, by hand. They are plans and flushes like all others.
 */
@Injectable()
export class ControllerRunsService {
  constructor(
    @Inject(RunsRepository) private readonly runs: RunsRepository,
    @Inject(StandingsService) private readonly standings: StandingsService,
    @Inject(ReachService) private readonly reach: ReachService,
    @Inject(PlansService) private readonly plans: PlansService,
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Begins a run and returns its id, or the id of the earlier run on this occasion. The rest continues without the caller. */
  async begin(row: RemediationRow, on: Firing): Promise<string> {
    const run = this.newRun(row, on);
    const known = await this.database.transact('all', async (t) => {
      const before = await this.runs.newest(t, row.id, MAX_PAST_RUNS);
      const why = whyNotNow(row.document.limits, before.map(toPastRun), this.clock())?.why;
      const isNew = await this.runs.insert(
        t,
        why === undefined ? run : { ...run, state: 'refused', reason: why, finishedAt: run.reportedAt },
      );
      if (!isNew) return on.occasion === undefined ? undefined : (await this.runs.onOccasion(t, row.id, on.occasion))?.id;
      this.note(
        t,
        row,
        run,
        why === undefined ? 'ok' : 'refused',
        why === undefined ? `${row.name} began (${on.trigger})` : `${row.name} did not run (${on.trigger}): ${why}`,
      );
      return why === undefined ? undefined : run.id;
    });
    if (known !== undefined) return known;
    void this.carryOut(row, run.id, on).catch((error: unknown) =>
      this.logger.error({ remediation: row.id, run: run.id, err: error }, 'a run could not be carried out'),
    );
    return run.id;
  }

  /** Ends runs whose flush has ended, and runs of a controller that ended before it could record their outcome. */
  async follow(): Promise<void> {
    const now = this.clock();
    await this.database.transact('all', async (t) => {
      await this.runs.finishFromFlushes(t);
      await this.runs.finishOrphans(t, new Date(now - ORPHAN_MS), new Date(now));
    });
  }

  private async carryOut(row: RemediationRow, runId: string, on: Firing): Promise<void> {
    const { document } = row;
    const scope: TenantScope = row.tenantId === null ? 'all' : new Set([row.tenantId]);
    const caller: Caller = {
      kind: 'remediation',
      id: row.id,
      name: row.name,
      userId: row.authorId,
      grants: [{ role: 'operator', tenantId: row.tenantId }],
    };
    try {
      const reached = await this.reach.of(scope, narrowed(document.scope, on.sites));
      const plan = await this.plans.create(
        caller,
        scope,
        {
          filter: document.filter,
          scope: reached.scope,
          method: document.method,
          forSeconds: document.forSeconds,
          undoForSeconds: UNDO_FOR_SECONDS,
          reason: `${row.name}: ${on.trigger}`.slice(0, 500),
        },
        AbortSignal.timeout(60_000),
      );
      const touched = plan.gateways.filter((gateway) => gateway.state === 'ready');
      const tenantIds = [...new Set(touched.map((gateway) => gateway.tenantId))];
      const found = {
        matched: plan.totals.flows,
        planId: plan.id,
        ...(tenantIds.length > 0 && { tenantIds }),
        ...(reached.why && { reason: reached.why }),
      };
      if (touched.length === 0) return await this.finish(runId, { ...found, state: 'done' });
      const now = await this.standings.now(row);
      if (!now)
        return await this.finish(runId, {
          ...found,
          state: 'refused',
          reason: 'it was changed, switched off or deleted while its plan was being made',
        });
      const mode = effectiveMode(document, now.standing);
      if (mode !== 'auto') {
        const why = document.mode === 'auto' ? { reason: whyNotAuto(now.standing) } : {};
        return await this.finish(runId, { ...found, ...why, state: mode === 'suggest' ? 'suggested' : 'observed' });
      }
      const why = whyTooMany(
        document.limits,
        touched.map((gateway) => ({ ...gateway, gateway: gateway.name, stale: gateway.staleFlows ?? 0 })),
      )?.why;
      if (why !== undefined) return await this.finish(runId, { ...found, state: 'refused', reason: why });
      const flushId = await this.flushes.run(caller, scope, plan.id, plan.digest, { agreed: agreementOf(now.row) });
      await this.database.transact('all', (t) => this.runs.update(t, runId, { ...found, flushId, startedAt: new Date(this.clock()) }));
    } catch (error) {
      const isRefusal = error instanceof FleetError && error.code !== 'UNAVAILABLE';
      await this.finish(runId, {
        state: isRefusal ? 'refused' : 'failed',
        reason: error instanceof FleetError ? error.message : 'the controller could not carry it out; its log says why',
      });
      if (!(error instanceof FleetError)) throw error;
    }
  }

  private async finish(id: string, change: Parameters<RunsRepository['update']>[2]): Promise<void> {
    await this.database.transact('all', (t) => this.runs.update(t, id, { ...change, finishedAt: new Date(this.clock()) }));
  }

  private newRun(row: RemediationRow, { trigger, occasion, triggeredAtMs }: Firing): RunRow {
    return {
      id: newId(),
      remediationId: row.id,
      remediationName: row.name,
      revision: row.revision,
      tenantIds: [row.tenantId ?? NO_TENANT],
      gatewayId: null,
      gatewayName: null,
      state: 'running',
      trigger,
      wan: null,
      triggeredAt: new Date(triggeredAtMs),
      startedAt: null,
      finishedAt: null,
      reportedAt: new Date(this.clock()),
      reason: null,
      matched: 0,
      ended: 0,
      filter: row.document.filter,
      method: row.document.method,
      planId: null,
      flushId: null,
      occasion: occasion ?? null,
      isFailed: false,
    };
  }

  private note(
    t: Parameters<RunsRepository['insert']>[0],
    row: RemediationRow,
    run: RunRow,
    outcome: 'ok' | 'refused',
    summary: string,
  ): void {
    this.audit.record(t, {
      tenantId: row.tenantId ?? undefined,
      actor: toActor({ kind: 'remediation', id: row.id, name: row.name }),
      action: 'remediation.began',
      outcome,
      summary,
      reason: run.trigger,
      detail: {
        runId: run.id,
        remediationId: row.id,
        revision: row.revision,
        mode: row.document.mode,
        filter: row.document.filter,
        occasion: run.occasion,
      },
    });
  }
}

/** An abandoned run stays open until it is found. */
function toPastRun({ state, triggeredAt, finishedAt }: RunRow): PastRun {
  return { startedAtMs: triggeredAt.getTime(), endedAtMs: finishedAt?.getTime(), isUnderWay: state === 'running' };
}

/** Why a remediation that is set to act only suggests. */
function whyNotAuto({ approval, heldBack }: Standing): string {
  return heldBack ? `it is held back: ${heldBack.why}` : `it needs a second person: ${approval.why ?? ''}`;
}

/** The second person who approved this revision. */
function agreementOf(row: RemediationRow): Agreement | undefined {
  const { approvedById: byId, approvedByName, approvedAt: at } = row;
  return isApproved(row) && byId !== null && at !== null ? { byId, byName: approvedByName ?? byId, at } : undefined;
}

function narrowed(scope: Scope, sites: string[] | undefined): Scope {
  return sites === undefined ? scope : { ...scope, sites: scope.sites ? scope.sites.filter((site) => sites.includes(site)) : sites };
}
