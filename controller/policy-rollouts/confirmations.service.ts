import { Inject, Injectable } from '@nestjs/common';
import type { PendingPolicy } from '../../proto/gen/ctfleet/v1/policy.ts';
import { CommandsRepository } from '../flushes/commands.repository.ts';
import { FlushesRepository } from '../flushes/flushes.repository.ts';
import { FLUSH_CHANGED } from '../flushes/notifications.ts';
import { Intake } from '../link/intake.ts';
import type { Session } from '../link/session.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';

/** Confirms policies of gateways that are heard over a new session: that they still can be is what has to be proved. */
@Injectable()
export class ConfirmationsService {
  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(Intake) private readonly intake: Intake,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Answers a gateway that has a policy in force which nobody has confirmed. One that was put in force by hand is none of ours. Throws
   * RATE_LIMITED for a gateway that keeps naming commands that are not its own.
   */
  async hear(session: Session, { commandId, isInForce }: PendingPolicy): Promise<void> {
    if (commandId === '' || !isInForce) return;
    const { gatewayId, tenantId } = session.identity;
    const now = new Date(this.clock());
    const heard = await this.database.transact(new Set([tenantId]), async (t) => {
      const command = await this.commands.lockConfirmable(t, gatewayId, commandId, session.epoch);
      if (!command) return (await this.commands.plannedOf(t, gatewayId, commandId)) ? 'not-now' : 'unknown';
      const { flushId } = command;
      const at = { flushId, gatewayId, done: 0, startedAt: command.receivedAt ?? now };
      await this.flushes.progress(t, [{ ...at, state: 'verifying' }]);
      await this.notifications.send(t, FLUSH_CHANGED, flushId);
      return 'confirmable';
    });
    if (heard === 'unknown') this.intake.noteUseless(session.identity, this.clock());
    if (heard === 'confirmable') session.send({ $case: 'confirmPolicy', value: { commandId } });
  }
}
