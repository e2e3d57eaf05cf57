import { Inject, Injectable } from '@nestjs/common';
import { Progress_Phase, type Progress } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Intake, type Sender } from '../link/intake.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { FLUSH_CHANGED } from './notifications.ts';

/** After a quiet time what is said waits so long for what is newer, or for the result: most commands are over by then. */
const FIRST_MS = 200;
/** Rounds come at most this often. */
const ROUND_MS = 500;
/** An agent carries out one command at a time. One that says things of more than so many waits for the round that writes them. */
const MAX_WAITING = 32;
const ID_LENGTH = 36;
/** More than any plan holds, and no more than the column does. */
const MAX_FLOWS = 0x7fff_ffff;

interface Said extends Progress {
  sender: Sender;
}

/** Notes how far commands are. What all gateways say within a round is written together, and of each command only what it said last. */
@Injectable()
export class ProgressService {
  private readonly latest = new Map<string, Map<string, Said>>();
  /** Why a gateway is cut when it says more. */
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
   * Takes what a gateway says of a command; a promise where it has to wait before it says more. Throws INVALID_REQUEST for what is no id,
   * RATE_LIMITED where it spoke again and again of commands that are not its own.
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

  /** The command is over: what was said of it before is not written any more. */
  over(gatewayId: string, commandId: string): void {
    this.latest.get(gatewayId)?.delete(commandId);
  }

  /** The gateway's session is gone, and with it what it said last. */
  forget(gatewayId: string): void {
    this.latest.delete(gatewayId);
    this.refusals.delete(gatewayId);
  }

  private async writeLater(): Promise<void> {
    await new Promise((resolve) => {
      setTimeout(resolve, Math.max(FIRST_MS, this.endedAtMs + ROUND_MS - this.clock())).unref();
    });
    const said = [...this.latest].flatMap(([gatewayId, waiting]) => [...waiting.values()].map((progress) => ({ ...progress, gatewayId })));
    this.latest.clear();
    await this.write(said).catch((error: unknown) =>
      this.logger.warn({ err: error }, 'progress could not be written; the next one may be'),
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
                state: phase === Progress_Phase.PHASE_VERIFYING ? ('verifying' as const) : ('running' as const),
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
        live.map(({ command, state, done }) => ({
          flushId: command.flushId,
          gatewayId: command.gatewayId,
          state,
          done,
          startedAt: command.receivedAt ?? now,
        })),
      );
      for (const flushId of [...new Set(live.map(({ command }) => command.flushId))].toSorted())
        await this.notifications.send(t, FLUSH_CHANGED, flushId);
      return notOwn;
    });
    for (const { sender } of strange) this.noteUseless(sender);
  }

  /** The round is ours and not the gateway's: where it is cut for what it said, that happens with what it says next. */
  private noteUseless(sender: Sender): void {
    try {
      this.intake.noteUseless(sender, this.clock());
    } catch (refusal) {
      this.refusals.set(sender.gatewayId, refusal);
    }
  }
}
