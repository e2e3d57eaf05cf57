import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { Progress_Phase, Result, Result_State, type OutcomeRun, type Progress } from '../../proto/gen/ctfleet/v1/operation.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { GatewayIdentity } from '../enrolment/spiffe.ts';
import type { Command } from '../generated/prisma/client.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { Lanes } from '../platform/lanes.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Notices } from '../platform/notices.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { countOutcomes, describeTotals, emptyTotals, type Totals } from './outcomes.ts';
import { PlansRepository } from './plans.repository.ts';
import { targetStateOf, type TargetState } from './states.ts';

/** The first progress of a command waits so long for a newer one, or for the result: most commands are over by then. */
const FIRST_PROGRESS_MS = 200;
/** Later ones are written at most this often; the newest counts. */
const PROGRESS_MS = 500;
/** An agent carries out one command at a time. One that says things of more than so many waits for each to be written. */
const MOST_WAITING = 32;
/** Runs that a result may have in all its parts: one per flow of the largest plan. */
const MAX_RUNS = 500_000;
/** Results and progress written at once; a flush over a whole fleet must not take every connection. */
const LANES = 4;

/**
 * Takes what gateways say of their commands. A flush may cross tenants and its state follows from all its targets, so these
 * transactions see all tenants; what a gateway may touch is its own command, which findOwn holds.
 */
@Injectable()
export class ResultsService {
  private readonly lanes = new Lanes(LANES);
  private readonly writtenAt = new Map<string, { gatewayId: string; atMs: number }>();
  /** By gateway, what was said last of each command, to be written when its time comes. */
  private readonly latest = new Map<string, Map<string, Progress>>();
  private readonly parts = new Map<string, { gatewayId: string; runs: OutcomeRun[]; next: number }>();

  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Notes how far a command is: soon, if nothing newer comes before, and about twice a second from then on. */
  progress({ gatewayId }: GatewayIdentity, progress: Progress): Promise<void> | undefined {
    const { commandId } = progress;
    const waiting = this.latest.get(gatewayId) ?? new Map<string, Progress>();
    this.latest.set(gatewayId, waiting);
    const isWaiting = waiting.has(commandId);
    if (!isWaiting && waiting.size >= MOST_WAITING) return this.write(gatewayId, progress);
    waiting.set(commandId, progress);
    if (isWaiting) return undefined;
    const { atMs } = this.writtenAt.get(commandId) ?? {};
    setTimeout(() => {
      const latest = waiting.get(commandId);
      waiting.delete(commandId);
      if (!latest) return; // the result came
      this.writtenAt.set(commandId, { gatewayId, atMs: this.clock() });
      this.write(gatewayId, latest).catch((error: unknown) => this.logger.warn({ err: error, command: commandId }, 'progress could not be written; the next one may be'));
    }, atMs === undefined ? FIRST_PROGRESS_MS : Math.max(0, atMs + PROGRESS_MS - this.clock())).unref();
    return undefined;
  }

  private async write(gatewayId: string, { commandId, phase, done }: Progress): Promise<void> {
    const state: TargetState = phase === Progress_Phase.PHASE_VERIFYING ? 'verifying' : 'running';
    const now = new Date(this.clock());
    await this.lanes.run(() => this.database.transact('all', async (t) => {
      const command = await this.commands.findOwn(t, commandId, gatewayId);
      if (!command || command.state === 'finished') return;
      await this.commands.received(t, commandId, now);
      await this.flushes.move(t, command.flushId, gatewayId, state, { done, reason: null, startedAt: command.receivedAt ?? now });
      await this.notices.send(t, 'flush', command.flushId);
    }));
  }

  /** Takes a result or a part of one. True once it is stored, also if it was before, so that the agent may forget it. */
  async take(identity: GatewayIdentity, result: Result): Promise<boolean> {
    const runs = this.collect(identity.gatewayId, result);
    if (!runs) return false;
    this.writtenAt.delete(result.commandId);
    this.latest.get(identity.gatewayId)?.delete(result.commandId);
    await this.lanes.run(() => this.database.transact('all', async (t) => {
      const command = await this.commands.findOwn(t, result.commandId, identity.gatewayId);
      if (!command) this.logger.warn({ gateway: identity.gatewayId, command: result.commandId }, 'result of an unknown command');
      else if (command.state !== 'finished') await this.store(t, command, result, runs);
    }, { timeoutMs: 60_000 }));
    return true;
  }

  /** The gateway's session is gone: parts come again from the first on the next one. */
  forget(gatewayId: string): void {
    this.latest.delete(gatewayId);
    for (const [id, { gatewayId: owner }] of this.parts) if (owner === gatewayId) this.parts.delete(id);
    for (const [id, { gatewayId: owner }] of this.writtenAt) if (owner === gatewayId) this.writtenAt.delete(id);
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

  private async store(t: Transaction, command: Command, result: Result, runs: OutcomeRun[]): Promise<void> {
    const { flushId, gatewayId, planId, tenantId } = command;
    const now = new Date(this.clock());
    const target = await this.flushes.findTarget(t, flushId, gatewayId);
    const { plan } = target.flush;
    const { state, totals } = judge(result, runs, target.planned);
    const outcomes = new Uint8Array(Result.encode(Result.fromPartial({ runs })).finish());
    const evidenceSha256 = await this.evidence(t, planId, gatewayId, outcomes);
    await this.commands.finish(t, command.id, now);
    await this.flushes.move(t, flushId, gatewayId, state, {
      ...totals, outcomes, undoUntil: result.undoUntilMs === undefined ? null : new Date(Number(result.undoUntilMs)), done: target.planned, reason: result.detail ? result.detail.slice(0, 500) : result.reason || null,
      tableBefore: result.tableBefore ?? null, tableAfter: result.tableAfter ?? null, startedAt: toDate(result.startedAtMs) ?? target.startedAt, finishedAt: toDate(result.finishedAtMs) ?? now,
    });
    await this.audit.record(t, {
      tenantId, actor: { kind: 'gateway', id: gatewayId, name: target.gatewayName }, action: 'flush.target-finished', outcome: state === 'verified' ? 'ok' : state === 'expired' || state === 'failed' ? 'failed' : 'partial',
      planId, flushId, gatewayId, gatewayName: target.gatewayName, reason: plan.reason, ticket: plan.ticket ?? undefined,
      summary: `${target.gatewayName}: ${describeTotals(totals)}`,
      detail: { commandId: command.id, seq: String(command.seq), state, totals, tableBefore: result.tableBefore?.toString(), tableAfter: result.tableAfter?.toString(), evidenceSha256 },
    });
    await this.flushes.settle(t, flushId, now);
    await this.notices.send(t, 'flush', flushId);
    // Whoever works looks whether the next wave may begin.
    if (target.flush.wave < target.flush.waves) await this.notices.send(t, 'deliver', '');
  }

  /** SHA-256 over the gateway's stored flows, in the plan's order, and their outcomes. */
  private async evidence(t: Transaction, planId: string, gatewayId: string, outcomes: Uint8Array): Promise<string> {
    const hash = createHash('sha256');
    await this.plans.eachBatch(t, planId, gatewayId, (batch) => hash.update(batch));
    return hash.update(outcomes).digest('hex');
  }
}

/** What a result makes of its target. Where nothing was touched, no flow has an outcome. */
function judge(result: Result, runs: OutcomeRun[], planned: number): { state: TargetState; totals: Totals } {
  switch (result.state) {
    case Result_State.STATE_REFUSED:
      if (result.reason === 'CANCELLED') return { state: 'cancelled', totals: { ...emptyTotals(planned), cancelled: planned } };
      return { state: 'failed', totals: emptyTotals(planned) };
    case Result_State.STATE_EXPIRED: return { state: 'expired', totals: emptyTotals(planned) };
    case Result_State.STATE_DONE: {
      const totals = countOutcomes(planned, runs);
      return { state: targetStateOf(totals), totals };
    }
    case Result_State.STATE_FAILED: return { state: 'failed', totals: countOutcomes(planned, runs) };
    default: return { state: 'indeterminate', totals: countOutcomes(planned, runs) };
  }
}

function toDate(ms: bigint): Date | undefined {
  return ms > 0n ? new Date(Number(ms)) : undefined;
}
