import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { RemediationRun as WireRun, RemediationRun_State as State } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { id as idSchema } from '../../proto/http/common.ts';
import type { listRemediationRunFlows, RemediationRun as RunView } from '../../proto/http/remediations.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { fromWireFlow } from '../../proto/model/wire.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { GatewayIdentity } from '../enrolment/spiffe.ts';
import { toFlowView } from '../flows/flow-view.ts';
import { outcomesBetween } from '../flushes/outcomes.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { formatCursor, parseCursor, toPage } from '../platform/cursor.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { toRunView } from './remediation-view.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import { RunsRepository } from './runs.repository.ts';
import { HoldBacksService } from './hold-backs.service.ts';
import { describeRun, endedOf, hasFailed, methodWord, STATE_WORDS } from './run-words.ts';

/** Runs that ended nothing, and say nothing about whether ending helps. */
const UNTOUCHED: ReadonlySet<State> = new Set([State.STATE_OBSERVED, State.STATE_SUGGESTED, State.STATE_REFUSED]);

type FlowsPage = z.output<typeof listRemediationRunFlows.response>;

/** Runs of remediations as they are kept, and those that gateways report of what they did by themselves. */
@Injectable()
export class RunsService {
  constructor(
    @Inject(RunsRepository) private readonly runs: RunsRepository,
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(HoldBacksService) private readonly holdBacks: HoldBacksService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: { limit: number; cursor?: string; remediation?: string; gateway?: string }): Promise<{ items: RunView[]; cursor?: string }> {
    const { cursor, ...question } = query;
    const rows = await this.database.transact(scope, (t) => this.runs.list(t, { ...question, before: parseCursor(cursor, idSchema) }));
    return toPage(rows, query.limit, toRunView, (row) => row.id);
  }

  /** Throws NOT_FOUND for what is not there or out of scope. */
  async get(scope: TenantScope, id: string): Promise<RunView> {
    const row = await this.database.transact(scope, (t) => this.runs.find(t, id));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such run.');
    return toRunView(row);
  }

  /** Every flow of a run on a gateway with what came of it, sweep by sweep; a page is a part as it was reported. Throws NOT_FOUND. */
  async flows(scope: TenantScope, id: string, query: { cursor?: string }): Promise<FlowsPage> {
    const { gatewayId } = await this.get(scope, id);
    const at = parseCursor(query.cursor, z.int().min(0)) ?? 0;
    const parts = await this.database.transact(scope, (t) => this.runs.parts(t, id));
    const part = parts[at];
    if (!part || gatewayId === undefined) return { items: [] };
    const items = WireRun.decode(part.sweeps).sweeps.flatMap(({ number, flows, runs }) => {
      const outcomes = outcomesBetween(runs, 0, flows.length);
      return flows.map((flow, index) => ({ ...toFlowView(fromWireFlow(flow), gatewayId), sweep: number, outcome: outcomes[index] }));
    });
    return { items, cursor: at + 1 < parts.length ? formatCursor(at + 1) : undefined };
  }

  /**
   * Takes a part of what a gateway did by itself. True once the whole is on record, also if it was before: then the gateway may forget it.
   * The gateway's own journal was written before its first effect; the audit entry follows it here.
   */
  async take(gateway: GatewayIdentity, run: WireRun): Promise<boolean> {
    const isStored = await this.store(gateway, run);
    // Also for what was stored before: the controller may have ended between the two.
    if (isStored && !UNTOUCHED.has(run.state)) await this.holdBacks.consider(run.remediationId);
    return isStored;
  }

  private async store({ gatewayId, tenantId }: GatewayIdentity, run: WireRun): Promise<boolean> {
    if (!idSchema.safeParse(run.id).success || !idSchema.safeParse(run.remediationId).success) throw new FleetError('INVALID_REQUEST', 'A run of a remediation has no id.');
    const reportedAt = new Date(this.clock());
    return this.database.transact(new Set([tenantId]), async (t) => {
      const flows = run.sweeps.reduce((sum, sweep) => sum + sweep.flows.length, 0);
      if (flows > 0) await this.runs.insertPart(t, { runId: run.id, tenantId, part: run.part, flows, sweeps: WireRun.encode(WireRun.fromPartial({ sweeps: run.sweeps })).finish() });
      if (!run.isLastPart) return false;
      const [gateway] = await this.gateways.findMany(t, [gatewayId]);
      const parts = await this.runs.parts(t, run.id);
      const sweeps = parts.flatMap((part) => WireRun.decode(part.sweeps).sweeps);
      const ended = endedOf(sweeps);
      const state = STATE_WORDS[run.state] ?? 'indeterminate';
      const name = await this.nameOf(run.remediationId);
      const isNew = await this.runs.insert(t, {
        id: run.id, remediationId: run.remediationId, remediationName: name, revision: run.revision, tenantIds: [tenantId], gatewayId, gatewayName: gateway?.name ?? gatewayId, state, trigger: run.trigger,
        wan: run.wan ?? null, triggeredAt: timeOf(run.triggeredAtMs), startedAt: run.startedAtMs === undefined ? null : timeOf(run.startedAtMs), finishedAt: run.finishedAtMs === undefined ? null : timeOf(run.finishedAtMs),
        reportedAt, reason: run.detail || run.reason || null, matched: run.matched, ended, filter: run.filter, method: methodWord(run.method), planId: null, flushId: null, occasion: null, isFailed: hasFailed(state, sweeps),
      });
      if (!isNew) return true;
      await this.audit.record(t, {
        tenantId, actor: { kind: 'gateway', id: gatewayId, name: gateway?.name ?? gatewayId }, action: 'remediation.ran', outcome: state === 'failed' || state === 'indeterminate' ? 'failed' : state === 'refused' ? 'refused' : 'ok',
        gatewayId, gatewayName: gateway?.name, reason: run.trigger, summary: describeRun({ name, state, gateway: gateway?.name ?? gatewayId, matched: run.matched, ended, trigger: run.trigger, reason: run.detail }),
        detail: { runId: run.id, remediationId: run.remediationId, revision: run.revision, state, matched: run.matched, ended, filter: run.filter, method: methodWord(run.method), triggeredAt: timeOf(run.triggeredAtMs).toISOString(), flows: parts.reduce((sum, part) => sum + part.flows, 0) },
      });
      return true;
    });
  }

  /** What it is called now; the id where it is gone or was never ours. */
  private async nameOf(remediationId: string): Promise<string> {
    return (await this.database.transact('all', (t) => this.remediations.find(t, remediationId)))?.name ?? remediationId;
  }
}

function timeOf(ms: bigint): Date {
  return new Date(Number(ms));
}
