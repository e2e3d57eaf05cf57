import { Inject, Injectable } from '@nestjs/common';
import { Result, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { AuditService, type Decision } from '../audit/audit.service.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Command } from '../generated/prisma/client.ts';
import { Batches } from '../platform/batches.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Intake } from '../link/intake.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { counterFrom, flowsFrom, textFrom, timeFrom } from '../platform/untrusted.ts';
import { blockedWords } from '../blocks/block-view.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository, type FinishedTarget } from './flushes.repository.ts';
import { countOutcomes, describeTotals, type Totals } from '../plans/outcomes.ts';
import { PlansRepository } from '../plans/plans.repository.ts';
import { ProgressService } from './progress.service.ts';
import { outcomeRunsWithin, ResultParts } from './result-parts.ts';
import { SUBJECTS, subjectOf } from './subject.ts';
import { describePolicyEnd, judge, judgePolicy } from './verdict.ts';
import { FLUSH_CHANGED, WORK_WAITING } from './notifications.ts';

/** Flows of the largest plan. */
const MAX_FLOWS = 500_000;
const MAX_TEXT = 500;
/** Results stored per transaction. */
const MAX_AT_ONCE = 100;

interface Report {
  gatewayId: string;
  tenantId: string;
  commandId: string;
  result: Result;
  outcomeRuns: OutcomeRun[];
  isUnknown?: boolean;
}

/**
 * Takes what gateways report about the outcome of their commands. A flush may cross tenants and its state follows from all its targets, so
 * these transactions see all tenants; a gateway may only touch its own command, which lockOwn enforces. A whole fleet reports at once, so
 * results that arrive while others are being stored are stored together.
 */
@Injectable()
export class ResultsService {
  private readonly reports = new Batches<Report>((reports) => this.store(reports), MAX_AT_ONCE);
  private readonly parts = new ResultParts();

  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(ProgressService) private readonly progress: ProgressService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Intake) private readonly intake: Intake,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Takes a result or a part of one. True once it is stored, also if it was stored before or if its command is unknown, so that the agent
   * may forget it. Throws RATE_LIMITED for a gateway that keeps reporting on commands that are not its own.
   */
  async take(sender: GatewayIdentity, result: Result): Promise<boolean> {
    const { gatewayId, tenantId } = sender;
    const isWhole = result.part === 0 && result.isLastPart;
    const outcomeRuns = isWhole ? outcomeRunsWithin(result.runs, MAX_FLOWS) : await this.collect(sender, result);
    if (!outcomeRuns) return false;
    this.progress.over(gatewayId, result.commandId);
    const report: Report = { gatewayId, tenantId, commandId: result.commandId, result: { ...result, runs: [] }, outcomeRuns };
    await this.reports.add(report);
    if (report.isUnknown) this.intake.noteUseless(sender, this.clock());
    return true;
  }

  /** The gateway's session has ended: its next session sends the parts again from the first. */
  forget(gatewayId: string): void {
    this.parts.forget(gatewayId);
  }

  /**
   * The runs of outcomes of all parts once the last has arrived; undefined before that. Nothing is collected for a command that expects no
   * result: its last part is reported without runs.
   */
  private async collect(sender: GatewayIdentity, result: Result): Promise<OutcomeRun[] | undefined> {
    const { gatewayId } = sender;
    if (result.part === 0) {
      const command = await this.find(sender, result.commandId);
      if (!command) this.intake.noteUseless(sender, this.clock());
      else if (!command.isFinished) this.parts.begin(gatewayId, result.commandId, command.planned);
    }
    const outcomeRuns = this.parts.add(gatewayId, result);
    if (outcomeRuns || !result.isLastPart) return outcomeRuns;
    const command = await this.find(sender, result.commandId);
    return command?.isFinished === false ? undefined : [];
  }

  private find({ gatewayId, tenantId }: GatewayIdentity, commandId: string): ReturnType<CommandsRepository['plannedOf']> {
    return this.database.transact(new Set([tenantId]), (t) => this.commands.plannedOf(t, gatewayId, commandId));
  }

  /** All or none. Locks in the global order: commands, targets, audit chains, flushes. */
  private async store(reports: Report[]): Promise<void> {
    const now = new Date(this.clock());
    await this.database.transact(
      'all',
      async (t) => {
        const own = await this.commands.lockOwn(t, reports);
        const taken = new Map<string, Report & { command: Command }>();
        for (const report of reports) {
          const command = own.get(report.commandId);
          if (!command) this.noteUnknown(report);
          else if (command.state !== 'finished' && !taken.has(command.id)) taken.set(command.id, { ...report, command });
        }
        if (taken.size > 0) await this.finish(t, [...taken.values()], now);
      },
      { timeoutMs: 60_000 },
    );
  }

  /**
   * A gateway reports ended flows for a command that does not exist here: a restored backup, or a gateway that lies. Either must be
   * visible.
   */
  private noteUnknown(report: Report): void {
    const { gatewayId, tenantId, commandId, result, outcomeRuns } = report;
    report.isUnknown = true;
    this.logger.warn({ gateway: gatewayId, command: textFrom(commandId, 50) }, 'result of an unknown command');
    this.audit.note({
      tenantId,
      actor: { kind: 'gateway', id: gatewayId, name: gatewayId },
      action: 'flush.result-unknown',
      outcome: 'partial',
      gatewayId,
      summary: 'A gateway reported the result of a command that this database does not know',
      detail: {
        commandId: textFrom(commandId, 50),
        state: result.state,
        ...countOutcomes(0, outcomeRuns),
        flows: outcomeRuns.reduce((sum, { count }) => sum + count, 0),
      },
    });
  }

  private async finish(t: Transaction, reports: (Report & { command: Command })[], now: Date): Promise<void> {
    const nowMs = now.getTime();
    const commands = reports.map(({ command }) => command);
    const targets = await this.flushes.findTargets(t, commands);
    const outcomes = reports.map(({ outcomeRuns: runs }) => new Uint8Array(Result.encode(Result.fromPartial({ runs })).finish()));
    const evidence = await this.plans.evidence(
      t,
      commands.map(({ planId, gatewayId }, at) => ({ planId, gatewayId, outcomes: outcomes[at]! })),
    );
    await this.commands.finish(
      t,
      commands.map(({ id }) => id),
      now,
    );
    const decisions: Decision[] = [];
    const finished: FinishedTarget[] = [];
    for (const [at, { command, result, outcomeRuns }] of reports.entries()) {
      const { flushId, gatewayId, planId, tenantId } = command;
      const target = targets[at]!;
      const { reason, ticket } = target.flush.plan;
      const subject = subjectOf(target.flush.plan);
      const { state, totals } =
        subject === 'policy' ? judgePolicy(result, target.planned, command.stoppedAt !== null) : judge(result, outcomeRuns, target.planned);
      const told = textFrom(result.detail || result.reason, MAX_TEXT) || null;
      const packetsRefused = result.packetsRefused === undefined ? null : BigInt(counterFrom(result.packetsRefused));
      finished.push({
        flushId,
        gatewayId,
        state,
        totals,
        outcomes: outcomes[at]!,
        undoUntil: timeFrom(result.undoUntilMs, nowMs) ?? null,
        packetsRefused,
        refusedUntil: timeFrom(result.refusedUntilMs, nowMs) ?? null,
        reason: told,
        tableBefore: toFlows(result.tableBefore),
        tableAfter: toFlows(result.tableAfter),
        startedAt: timeFrom(result.startedAtMs, nowMs) ?? target.startedAt,
        finishedAt: timeFrom(result.finishedAtMs, nowMs) ?? now,
      });
      decisions.push({
        tenantId,
        actor: { kind: 'gateway', id: gatewayId, name: target.gatewayName },
        action: `${SUBJECTS[subject].entries}.target-finished`,
        outcome: state === 'verified' ? 'ok' : state === 'expired' || state === 'failed' ? 'failed' : 'partial',
        planId,
        flushId,
        gatewayId,
        gatewayName: target.gatewayName,
        reason,
        ticket: ticket ?? undefined,
        summary: `${target.gatewayName}: ${subject === 'policy' ? describePolicyEnd(state, totals, told) : describeFlushEnd(totals, packetsRefused)}`,
        detail: {
          commandId: command.id,
          seq: String(command.seq),
          state,
          totals,
          packetsRefused: packetsRefused?.toString(),
          tableBefore: toFlows(result.tableBefore)?.toString(),
          tableAfter: toFlows(result.tableAfter)?.toString(),
          evidenceSha256: evidence[at]!,
          ...(subject === 'policy' && { digest: Buffer.from(command.digest).toString('hex'), why: told ?? undefined }),
        },
      });
    }
    await this.flushes.finish(t, finished);
    decisions.forEach((decision) => this.audit.record(t, decision));
    for (const flushId of [...new Set(commands.map((command) => command.flushId))].toSorted()) {
      await this.flushes.settle(t, flushId, now);
      await this.notifications.send(t, FLUSH_CHANGED, flushId);
    }
    // The workers check whether the next wave may begin.
    if (targets.some(({ flush }) => flush.wave < flush.waves)) await this.notifications.send(t, WORK_WAITING);
  }
}

function toFlows(count: bigint | undefined): bigint | null {
  return count === undefined ? null : BigInt(flowsFrom(count));
}

/** What was refused, and what became of flows; of flows nothing where a block was of none. */
function describeFlushEnd(totals: Totals, packetsRefused: bigint | null): string {
  const refused = packetsRefused === null ? [] : [blockedWords(packetsRefused)];
  const ended = packetsRefused !== null && totals.planned === 0 ? [] : [describeTotals(totals)];
  return [...refused, ...ended].join('; ');
}
