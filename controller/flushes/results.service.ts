import { Inject, Injectable } from '@nestjs/common';
import { Result, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { AuditService, type Decision } from '../audit/audit.service.ts';
import type { GatewayIdentity } from '../enrolment/spiffe.ts';
import type { Command } from '../generated/prisma/client.ts';
import { Batches } from '../platform/batches.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Notices } from '../platform/notices.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { describeTotals } from './outcomes.ts';
import { PlansRepository } from './plans.repository.ts';
import { ProgressService } from './progress.service.ts';
import { judge } from './verdict.ts';

/** Runs that a result may have in all its parts: one per flow of the largest plan. */
const MAX_RUNS = 500_000;
/** Results that one transaction stores. */
const MOST_AT_ONCE = 100;

interface Report { gatewayId: string; commandId: string; result: Result; runs: OutcomeRun[] }

/**
 * Takes what gateways say came of their commands. A flush may cross tenants and its state follows from all its targets, so these
 * transactions see all tenants; what a gateway may touch is its own command, which lockOwn holds. A whole fleet's results come at once,
 * and what comes while others are stored is stored together.
 */
@Injectable()
export class ResultsService {
  private readonly reports = new Batches<Report>((reports) => this.store(reports), MOST_AT_ONCE);
  private readonly parts = new Map<string, { gatewayId: string; runs: OutcomeRun[]; next: number }>();

  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(ProgressService) private readonly progress: ProgressService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Takes a result or a part of one. True once it is stored, also if it was before, so that the agent may forget it. */
  async take({ gatewayId }: GatewayIdentity, result: Result): Promise<boolean> {
    const runs = this.collect(gatewayId, result);
    if (!runs) return false;
    this.progress.over(gatewayId, result.commandId);
    await this.reports.add({ gatewayId, commandId: result.commandId, result, runs });
    return true;
  }

  /** The gateway's session is gone: parts come again from the first on the next one. */
  forget(gatewayId: string): void {
    for (const [key, { gatewayId: owner }] of this.parts) if (owner === gatewayId) this.parts.delete(key);
  }

  /** The runs of all parts once the last has come; undefined before. A part out of turn begins anew. */
  private collect(gatewayId: string, result: Result): OutcomeRun[] | undefined {
    const key = `${gatewayId} ${result.commandId}`; // nobody else can meddle with it
    const before = result.part === 0 ? undefined : this.parts.get(key);
    if (result.part !== (before?.next ?? 0)) return undefined;
    const runs = [...(before?.runs ?? []), ...result.runs];
    if (result.isLastPart || runs.length > MAX_RUNS) {
      this.parts.delete(key);
      return runs.slice(0, MAX_RUNS);
    }
    this.parts.set(key, { gatewayId, runs, next: result.part + 1 });
    return undefined;
  }

  /** All or none. Locks in the order in which all lock: commands, targets, audit chains, flushes. */
  private async store(reports: Report[]): Promise<void> {
    const now = new Date(this.clock());
    await this.database.transact('all', async (t) => {
      const own = await this.commands.lockOwn(t, reports);
      const taken = new Map<string, Report & { command: Command }>();
      for (const report of reports) {
        const command = own.get(report.commandId);
        if (!command || command.gatewayId !== report.gatewayId) this.logger.warn({ gateway: report.gatewayId, command: report.commandId }, 'result of an unknown command');
        else if (command.state !== 'finished' && !taken.has(command.id)) taken.set(command.id, { ...report, command });
      }
      if (taken.size > 0) await this.finish(t, [...taken.values()], now);
    }, { timeoutMs: 60_000 });
  }

  private async finish(t: Transaction, reports: (Report & { command: Command })[], now: Date): Promise<void> {
    const commands = reports.map(({ command }) => command);
    const targets = await this.flushes.findTargets(t, commands);
    const outcomes = reports.map(({ runs }) => new Uint8Array(Result.encode(Result.fromPartial({ runs })).finish()));
    const evidence = await this.plans.evidence(t, commands.map(({ planId, gatewayId }, at) => ({ planId, gatewayId, outcomes: outcomes[at]! })));
    await this.commands.finish(t, commands.map(({ id }) => id), now);
    const decisions: Decision[] = [];
    for (const [at, { command, result, runs }] of reports.entries()) {
      const { flushId, gatewayId, planId, tenantId } = command;
      const target = targets[at]!;
      const { reason, ticket } = target.flush.plan;
      const { state, totals } = judge(result, runs, target.planned);
      await this.flushes.move(t, flushId, gatewayId, state, {
        ...totals, outcomes: outcomes[at]!, undoUntil: result.undoUntilMs === undefined ? null : new Date(Number(result.undoUntilMs)), done: target.planned, reason: result.detail ? result.detail.slice(0, 500) : result.reason || null,
        tableBefore: result.tableBefore ?? null, tableAfter: result.tableAfter ?? null, startedAt: toDate(result.startedAtMs) ?? target.startedAt, finishedAt: toDate(result.finishedAtMs) ?? now,
      });
      decisions.push({
        tenantId, actor: { kind: 'gateway', id: gatewayId, name: target.gatewayName }, action: 'flush.target-finished', outcome: state === 'verified' ? 'ok' : state === 'expired' || state === 'failed' ? 'failed' : 'partial',
        planId, flushId, gatewayId, gatewayName: target.gatewayName, reason, ticket: ticket ?? undefined,
        summary: `${target.gatewayName}: ${describeTotals(totals)}`,
        detail: { commandId: command.id, seq: String(command.seq), state, totals, tableBefore: result.tableBefore?.toString(), tableAfter: result.tableAfter?.toString(), evidenceSha256: evidence[at]! },
      });
    }
    await this.audit.recordAll(t, decisions);
    for (const flushId of [...new Set(commands.map((command) => command.flushId))].toSorted()) {
      await this.flushes.settle(t, flushId, now);
      await this.notices.send(t, 'flush', flushId);
    }
    // Whoever works looks whether the next wave may begin.
    if (targets.some(({ flush }) => flush.wave < flush.waves)) await this.notices.send(t, 'deliver', '');
  }
}

function toDate(ms: bigint): Date | undefined {
  return ms > 0n ? new Date(Number(ms)) : undefined;
}
