import { Inject, Injectable } from '@nestjs/common';
import { Progress_Phase, type Progress } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Command } from '../generated/prisma/client.ts';
import { Intake, type Sender } from '../link/intake.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { CommandsRepository } from './commands.repository.ts';
import { POLICY } from './subject.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { FLUSH_CHANGED } from './notifications.ts';

/** After a quiet time a report waits this long for newer ones, or for the result: most commands have finished by then. */
const FIRST_MS = 200;
/** Minimum time between rounds. */
const ROUND_MS = 500;
/** An agent carries out one command at a time. A gateway that reports on more commands than this waits for the round that writes them. */
const MAX_WAITING = 32;
const ID_LENGTH = 36;
/** More than any plan holds, and the maximum of the column. */
const MAX_FLOWS = 0x7fff_ffff;

interface Said extends Progress {
  sender: Sender;
}

/** Records the progress of commands. Reports of all gateways within a round are written together, only the latest of each command. */
@Injectable()
export class ProgressService {
  private readonly latest = new Map<string, Map<string, Said>>();
  /** Why a gateway is disconnected with its next report. */
  private readonly refusals = new Map<string, unknown>();
  private round: Promise<void> | undefined;
  private endedAtMs = -Infinity;

  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(Intake) private readonly intake: Intake,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Takes a gateway's report on a command; returns a promise if the gateway has to wait before it reports more. Throws INVALID_REQUEST for
   * a malformed id, RATE_LIMITED for a gateway that kept reporting on commands that are not its own.
   */
  note(sender: Sender, progress: Progress): Promise<void> | undefined {
    if (progress.commandId.length > ID_LENGTH) throw new FleetError('INVALID_REQUEST', 'Progress names no command.');
    const { gatewayId } = sender;
    const refusal = this.refusals.get(gatewayId);
    if (this.refusals.delete(gatewayId)) throw refusal;
    const waiting = this.latest.get(gatewayId) ?? new Map<string, Said>();
    this.latest.set(gatewayId, waiting.set(progress.commandId, { ...progress, sender }));
    this.round ??= this.writeLater();
    return waiting.size >= MAX_WAITING ? this.round : undefined;
  }

  /** The command has finished: pending reports on it are discarded. */
  over(gatewayId: string, commandId: string): void {
    this.latest.get(gatewayId)?.delete(commandId);
  }

  /**
   * The gateway's session has ended: its pending reports are discarded, except that it waits for a confirmation. It ends its session for
   * that, and may not be able to begin another one.
   */
  forget(gatewayId: string): void {
    const waiting = [...(this.latest.get(gatewayId) ?? [])];
    this.latest.set(gatewayId, new Map(waiting.filter(([, { phase }]) => phase === Progress_Phase.PHASE_CONFIRMING)));
    if (this.latest.get(gatewayId)!.size === 0) this.latest.delete(gatewayId);
    this.refusals.delete(gatewayId);
  }

  private async writeLater(): Promise<void> {
    await new Promise((resolve) => {
      setTimeout(resolve, Math.max(FIRST_MS, this.endedAtMs + ROUND_MS - this.clock())).unref();
    });
    const said = [...this.latest].flatMap(([gatewayId, waiting]) => [...waiting.values()].map((progress) => ({ ...progress, gatewayId })));
    this.latest.clear();
    await this.write(said).catch((error: unknown) =>
      this.logger.warn({ err: error }, 'progress could not be written; the next round may succeed'),
    );
    this.endedAtMs = this.clock();
    this.round = undefined;
    if (this.latest.size > 0) this.round = this.writeLater();
  }

  private async write(said: (Said & { gatewayId: string })[]): Promise<void> {
    if (said.length === 0) return;
    const now = new Date(this.clock());
    const strange = await this.database.transact('all', async (t) => {
      const own = await this.commands.lockOwn(t, said);
      const notOwn = said.filter(({ commandId, gatewayId }) => own.get(commandId)?.gatewayId !== gatewayId);
      const live = said.flatMap(({ commandId, gatewayId, phase, done }) => {
        const command = own.get(commandId);
        return command?.gatewayId === gatewayId && command.state !== 'finished'
          ? [
              {
                command,
                ...stageOf(phase, command, now),
                done: Math.min(done, MAX_FLOWS),
              },
            ]
          : [];
      });
      if (live.length === 0) return notOwn;
      await this.commands.received(
        t,
        live.map(({ command }) => command.id),
        now,
      );
      await this.flushes.progress(
        t,
        live.map(({ command, state, done, confirmUntil }) => ({
          flushId: command.flushId,
          gatewayId: command.gatewayId,
          state,
          done,
          startedAt: command.receivedAt ?? now,
          confirmUntil,
        })),
      );
      for (const flushId of [...new Set(live.map(({ command }) => command.flushId))].toSorted())
        await this.notifications.send(t, FLUSH_CHANGED, flushId);
      return notOwn;
    });
    for (const { sender } of strange) this.noteUseless(sender);
  }

  /** A round is not one gateway's request, so a gateway that exceeds its limit here is refused with its next report. */
  private noteUseless(sender: Sender): void {
    try {
      this.intake.noteUseless(sender, this.clock());
    } catch (refusal) {
      this.refusals.set(sender.gatewayId, refusal);
    }
  }
}

/** What a report says of its target. The gateway's clock is not asked when a policy is put back: it may be any. */
function stageOf(
  phase: Progress_Phase,
  { method, forSeconds }: Pick<Command, 'method' | 'forSeconds'>,
  now: Date,
): { state: 'running' | 'verifying'; confirmUntil?: Date } {
  if (phase === Progress_Phase.PHASE_CONFIRMING && method === POLICY)
    return { state: 'verifying', confirmUntil: new Date(now.getTime() + (forSeconds ?? 0) * 1000) };
  return { state: phase === Progress_Phase.PHASE_VERIFYING ? 'verifying' : 'running' };
}
