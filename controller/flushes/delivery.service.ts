import { Inject, Injectable } from '@nestjs/common';
import type { Command } from '../generated/prisma/client.ts';
import { linkState, offlineReason } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { Batches } from '../platform/batches.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ConcurrencyLimit } from '../platform/concurrency-limit.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { COMMANDS_WAITING, FLUSH_CHANGED } from './notifications.ts';
import { toWireCommand } from './outgoing-command.ts';

/** Gateways per delivery round. */
const MAX_AT_ONCE = 200;
/** Gateways of other replicas, or without a session, that are looked up concurrently. */
const MAX_FORWARDED_AT_ONCE = 4;

/** What was sent on one session. A new session gets everything unfinished again. */
interface Sent {
  commands: Set<string>;
  stops: Set<string>;
}

/**
 * Sends gateways their unfinished commands, in order, over the sessions that this replica holds. Idempotent: nothing is sent twice on one
 * session.
 */
@Injectable()
export class DeliveryService {
  /** One round at a time, so that a gateway's commands are sent in the order of seq (I3). */
  private readonly rounds = new Batches<string>((gatewayIds) => this.deliverNow(gatewayIds), MAX_AT_ONCE);
  private readonly forwarding = new ConcurrencyLimit(MAX_FORWARDED_AT_ONCE);
  private readonly sent = new WeakMap<Session, Sent>();

  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async deliver(gatewayId: string): Promise<void> {
    await this.rounds.add(gatewayId);
  }

  /**
   * For gateways whose link another replica holds: it delivers on the notice. Where nobody holds it, the waiting targets say since when.
   */
  async deliverAnywhere(gatewayIds: readonly string[]): Promise<void> {
    const [here, elsewhere] = [
      gatewayIds.filter((gatewayId) => this.sessions.get(gatewayId)),
      gatewayIds.filter((gatewayId) => !this.sessions.get(gatewayId)),
    ];
    const results = await Promise.allSettled([
      ...here.map((gatewayId) => this.deliver(gatewayId)),
      ...elsewhere.map((gatewayId) => this.forwarding.run(() => this.passOn(gatewayId))),
    ]);
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (failures.length > 0) throw failures[0];
  }

  private async passOn(gatewayId: string): Promise<void> {
    const now = this.clock();
    await this.database.transact('all', async (t) => {
      const row = await this.gateways.find(t, gatewayId);
      if (!row) return;
      const state = linkState(row, now);
      if (state.state === 'online') return this.notifications.send(t, COMMANDS_WAITING, gatewayId);
      const unfinished = await this.commands.unfinished(t, [gatewayId], new Date(now));
      const own = await this.commands.lockOwn(
        t,
        unfinished.map(({ id }) => ({ commandId: id, gatewayId })),
      );
      for (const command of own.values()) {
        if (command.state !== 'pending') continue; // sent in the meantime
        await this.flushes.move(t, command.flushId, gatewayId, 'offline', { reason: `waiting for the gateway: ${offlineReason(state)}` });
        await this.notifications.send(t, FLUSH_CHANGED, command.flushId);
      }
    });
  }

  private async deliverNow(gatewayIds: string[]): Promise<void> {
    const open = new Map(
      [...new Set(gatewayIds)].flatMap((gatewayId) => {
        const session = this.sessions.get(gatewayId);
        return session && !session.isClosed ? [[gatewayId, session]] : [];
      }),
    );
    if (open.size === 0) return;
    const scope = new Set([...open.values()].map((session) => session.identity.tenantId));
    const now = new Date(this.clock());
    const unfinished = await this.database.transact(scope, (t) => this.commands.unfinished(t, [...open.keys()], now));
    for (const [gatewayId, session] of open)
      this.sendStops(
        session,
        unfinished.filter((command) => command.gatewayId === gatewayId),
      );
    const unsent = unfinished.flatMap((command) => {
      const session = open.get(command.gatewayId)!;
      return this.sentOn(session).commands.has(command.id) ? [] : [{ command, session }];
    });
    if (unsent.length === 0) return;
    const { claimed, documents } = await this.database.transact(scope, async (t) => {
      const ids = await this.commands.claim(
        t,
        unsent.map(({ command, session }) => ({ id: command.id, epoch: session.epoch })),
        now,
      );
      for (const flushId of await this.flushes.backOnline(t, [...ids])) await this.notifications.send(t, FLUSH_CHANGED, flushId);
      return {
        claimed: ids,
        documents: await this.commands.documents(
          t,
          unsent.map(({ command }) => command),
        ),
      };
    });
    for (const { command, session } of unsent) {
      if (!claimed.has(command.id)) continue;
      this.sentOn(session).commands.add(command.id);
      session.send({ $case: 'command', value: toWireCommand(command, session.epoch, documents.get(command.id)) });
    }
  }

  /** A stop is sent before its command: the gateway then refuses what it has not begun, and reports what it has done. */
  private sendStops(session: Session, unfinished: Command[]): void {
    const { stops } = this.sentOn(session);
    const ids = unfinished.filter((command) => command.stoppedAt !== null && !stops.has(command.id)).map((command) => command.id);
    if (ids.length > 0) session.send({ $case: 'stop', value: { commandIds: ids } });
    ids.forEach((id) => stops.add(id));
  }

  private sentOn(session: Session): Sent {
    const sent = this.sent.get(session) ?? { commands: new Set(), stops: new Set() };
    this.sent.set(session, sent);
    return sent;
  }
}
