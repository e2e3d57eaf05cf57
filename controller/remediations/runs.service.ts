import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { RemediationRun as WireRun, RemediationRun_State as State } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { id as idSchema } from '../../proto/http/common.ts';
import type { listRemediationRunFlows, RemediationRun as RunView } from '../../proto/http/remediations.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { describeMethod } from '../../proto/wire/method.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { toFlowView } from '../flows/flow-view.ts';
import { flowFrom } from '../flows/untrusted-flow.ts';
import { outcomesBetween } from '../plans/outcomes.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { Intake } from '../link/intake.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { formatCursor, parseCursor, showEach, toPage, type Page } from '../platform/cursor.ts';
import { WanEventsService } from '../wan-events/wan-events.service.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { int32From, textFrom, timeFrom } from '../platform/untrusted.ts';
import { toRunView } from './remediation-view.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import { RunsRepository } from './runs.repository.ts';
import { HoldBacksService } from './hold-backs.service.ts';
import { describeRun, endedOf, hasFailed, leftBy, STATE_WORDS } from './run-words.ts';

/** Runs that ended nothing, and so say nothing about whether ending flows helps. */
const UNTOUCHED: ReadonlySet<State> = new Set([State.STATE_OBSERVED, State.STATE_SUGGESTED, State.STATE_REFUSED]);

/** Per run: the flows of the largest plan, and the stored size of their parts. */
const MAX_FLOWS = 500_000;
const MAX_BYTES = 160 * 1024 * 1024;
const MAX_PART = 100_000;
const MAX_RUNS_AN_HOUR = 1000;
const HOUR_MS = 3_600_000;
const MAX_TEXT = 500;
const MAX_FILTER = 10_000;

type FlowsPage = z.output<typeof listRemediationRunFlows.response>;

/** Stored runs of remediations, and the reports of gateways about runs of their own. */
@Injectable()
export class RunsService {
  constructor(
    @Inject(WanEventsService) private readonly wanEvents: WanEventsService,
    @Inject(RunsRepository) private readonly runs: RunsRepository,
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(HoldBacksService) private readonly holdBacks: HoldBacksService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Intake) private readonly intake: Intake,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(
    scope: TenantScope,
    query: { limit: number; cursor?: string; remediation?: string; tenant?: string; gateway?: string },
  ): Promise<Page<RunView>> {
    const { cursor, ...wanted } = query;
    const rows = await this.database.transact(scope, (t) => this.runs.list(t, { ...wanted, before: parseCursor(cursor, idSchema) }));
    return toPage(rows, query.limit, toRunView, (row) => row.id);
  }

  /** The state of runs; runs that do not exist or are out of scope are left out. */
  async briefly(scope: TenantScope, ids: string[]): Promise<{ runId: string; remediationId: string; state: string }[]> {
    if (ids.length === 0) return [];
    const rows = await this.database.transact(scope, (t) => this.runs.findMany(t, ids));
    return rows.map(({ id, remediationId, state }) => ({ runId: id, remediationId, state }));
  }

  /** Throws NOT_FOUND if it does not exist or is out of scope. */
  async get(scope: TenantScope, id: string): Promise<RunView> {
    const found = await this.database.transact(scope, async (t) => {
      const row = await this.runs.find(t, id);
      return row && { row, ...(await this.wanEvents.ofRuns(t, [id])) };
    });
    if (!found) throw noRun();
    return { ...toRunView(found.row), cameBack: found.cameBack.get(id), wanEventId: found.wanEventIds.get(id) };
  }

  /** Every flow of a run on a gateway with its outcome, sweep by sweep; a page is a part as it was reported. Throws NOT_FOUND. */
  async flows(scope: TenantScope, id: string, query: { cursor?: string }): Promise<FlowsPage> {
    const at = parseCursor(query.cursor, z.int().min(0)) ?? 0;
    const { gatewayId, flowsDroppedAt, parts } = await this.database.transact(scope, async (t) => {
      const row = await this.runs.find(t, id);
      if (!row) throw noRun();
      return { ...row, parts: await this.runs.parts(t, id) };
    });
    if (flowsDroppedAt) return { items: [], droppedAt: flowsDroppedAt.toISOString() };
    const part = parts[at];
    if (!part || gatewayId === null) return { items: [] };
    const rows = WireRun.decode(part.sweeps).sweeps.flatMap(({ number, flows, runs }) => {
      const outcomes = outcomesBetween(runs, 0, flows.length);
      return flows.map((flow, index) => ({ id: `${at} ${number} ${index}`, flow, number, outcome: outcomes[index] }));
    });
    return {
      ...showEach(rows, ({ flow, number, outcome }) => ({ ...toFlowView(flowFrom(flow), gatewayId), sweep: number, outcome })),
      cursor: at + 1 < parts.length ? formatCursor(at + 1) : undefined,
    };
  }

  /**
   * Takes a part of a run that a gateway reports. True once the whole run is recorded, also if it was before: then the gateway may forget
   * it. The gateway wrote its own journal before the first effect; the audit entry follows here. A run of a remediation that is not this
   * tenant's is not stored, and that is recorded. Throws INVALID_REQUEST for a malformed run, RATE_LIMITED for a gateway that invents runs.
   */
  async take(sender: GatewayIdentity, run: WireRun): Promise<boolean> {
    const isStored = await this.store(sender, run);
    // Also for runs stored before: the controller may have stopped between the two.
    if (isStored && !UNTOUCHED.has(run.state)) await this.holdBacks.consider(run.remediationId);
    return isStored;
  }

  private async store(sender: GatewayIdentity, run: WireRun): Promise<boolean> {
    const { gatewayId, tenantId } = sender;
    if (!idSchema.safeParse(run.id).success || !idSchema.safeParse(run.remediationId).success)
      throw new FleetError('INVALID_REQUEST', 'A run of a remediation has no id.');
    const name = await this.database.transact('all', (t) => this.remediations.nameFor(t, run.remediationId, tenantId));
    if (name === undefined) return this.refuseUnknown(sender, run);
    if (run.part > MAX_PART) throw new FleetError('INVALID_REQUEST', `The parts of a run are numbered up to ${MAX_PART}.`);
    checkFlows(run);
    return this.database.transact(new Set([tenantId]), async (t) => {
      const before = await this.runs.find(t, run.id);
      if (before) return before.gatewayId === gatewayId || notTheirs();
      if (!(await this.mayReport(t, sender))) return false;
      if (run.part === 0) await this.runs.dropUnfinished(t, gatewayId, run.id);
      const flows = run.sweeps.reduce((sum, sweep) => sum + sweep.flows.length, 0);
      const sweeps = WireRun.encode(WireRun.fromPartial({ sweeps: run.sweeps })).finish();
      const isStored = await this.runs.insertPart(t, {
        runId: run.id,
        tenantId,
        gatewayId,
        part: run.part,
        flows,
        ended: int32From(endedOf(run.sweeps)),
        ...leftBy(run.sweeps),
        sweeps,
      });
      if (!isStored) notTheirs();
      const sums = await this.runs.sumsOf(t, run.id, gatewayId);
      if (sums.flows > MAX_FLOWS || sums.bytes > MAX_BYTES)
        throw new FleetError(
          'INVALID_REQUEST',
          `A run of a remediation lists more than ${MAX_FLOWS} flows, or is larger than ${MAX_BYTES / 1024 / 1024} MiB.`,
        );
      if (run.isLastPart) await this.record(t, sender, run, { name, ...sums });
      return run.isLastPart;
    });
  }

  private async record(
    t: Transaction,
    { gatewayId, tenantId }: GatewayIdentity,
    run: WireRun,
    { name, flows, ended: sum, left }: { name: string; flows: number; ended: number; left: number },
  ): Promise<void> {
    const nowMs = this.clock();
    const gatewayName = (await this.gateways.findMany(t, [gatewayId]))[0]?.name ?? gatewayId;
    const state = STATE_WORDS[run.state] ?? 'indeterminate';
    const method = describeMethod(run.method);
    const [matched, ended, revision] = [int32From(run.matched), int32From(sum), int32From(run.revision)];
    const [trigger, filter, reason] = [
      textFrom(run.trigger, MAX_TEXT),
      textFrom(run.filter, MAX_FILTER),
      textFrom(run.detail || run.reason, MAX_TEXT),
    ];
    const triggeredAt = timeFrom(run.triggeredAtMs, nowMs) ?? new Date(nowMs);
    const isNew = await this.runs.insert(t, {
      id: run.id,
      remediationId: run.remediationId,
      remediationName: name,
      revision,
      tenantIds: [tenantId],
      gatewayId,
      gatewayName,
      state,
      trigger,
      wan: run.wan === undefined ? null : textFrom(run.wan, MAX_TEXT),
      triggeredAt,
      startedAt: timeFrom(run.startedAtMs, nowMs) ?? null,
      finishedAt: timeFrom(run.finishedAtMs, nowMs) ?? null,
      reportedAt: new Date(nowMs),
      reason: reason || null,
      matched,
      ended,
      filter,
      method,
      planId: null,
      flushId: null,
      occasion: null,
      isFailed: hasFailed(state, left),
    });
    if (!isNew) notTheirs();
    this.audit.record(t, {
      tenantId,
      actor: { kind: 'gateway', id: gatewayId, name: gatewayName },
      action: 'remediation.ran',
      outcome: state === 'failed' || state === 'indeterminate' ? 'failed' : state === 'refused' ? 'refused' : 'ok',
      gatewayId,
      gatewayName,
      reason: trigger,
      summary: describeRun({ name, state, gateway: gatewayName, matched, ended, trigger, reason: textFrom(run.detail, MAX_TEXT) }),
      detail: {
        runId: run.id,
        remediationId: run.remediationId,
        revision,
        state,
        matched,
        ended,
        filter,
        method,
        triggeredAt: triggeredAt.toISOString(),
        flows,
      },
    });
  }

  /**
   * False for a gateway that reports more runs an hour than triggers can cause: it keeps them and reports them again on its next session.
   */
  private async mayReport(t: Transaction, { gatewayId, tenantId }: GatewayIdentity): Promise<boolean> {
    if ((await this.runs.reportedSince(t, gatewayId, new Date(this.clock() - HOUR_MS))) < MAX_RUNS_AN_HOUR) return true;
    this.audit.note({
      tenantId,
      actor: { kind: 'gateway', id: gatewayId, name: gatewayId },
      action: 'remediation.run-refused',
      outcome: 'refused',
      gatewayId,
      summary: `A gateway reported more than ${MAX_RUNS_AN_HOUR} runs of remediations within an hour; it keeps the others for later`,
    });
    return false;
  }

  /**
   * Recorded with the gateway and nowhere else. After a restored backup an honest gateway may know a remediation that the database does
   * not.
   */
  private async refuseUnknown(sender: GatewayIdentity, run: WireRun): Promise<boolean> {
    const { gatewayId, tenantId } = sender;
    if (!run.isLastPart) return false;
    await this.audit.recordOften({
      tenantId,
      actor: { kind: 'gateway', id: gatewayId, name: gatewayId },
      action: 'remediation.run-unknown',
      outcome: 'refused',
      gatewayId,
      summary: 'A gateway reported a run of a remediation that is not its own; the run was not kept',
      detail: {
        runId: run.id,
        remediationId: run.remediationId,
        matched: int32From(run.matched),
        ended: int32From(endedOf(run.sweeps)),
        trigger: textFrom(run.trigger, MAX_TEXT),
        filter: textFrom(run.filter, MAX_TEXT),
      },
    });
    this.intake.noteUseless(sender, this.clock());
    return true;
  }
}

function noRun(): FleetError {
  return new FleetError('NOT_FOUND', 'There is no such run.');
}

function checkFlows(run: WireRun): void {
  try {
    for (const { flows } of run.sweeps) flows.forEach(flowFrom);
  } catch (cause) {
    throw new FleetError('INVALID_REQUEST', 'A run of a remediation lists flows that cannot be read.', {}, { cause });
  }
}

function notTheirs(): never {
  throw new FleetError('INVALID_REQUEST', 'This run belongs to another gateway.');
}
