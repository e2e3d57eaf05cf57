import { Inject, Injectable } from '@nestjs/common';
import type { Command as WireCommand } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Command } from '../generated/prisma/client.ts';
import { linkState, offlineReason } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { Sessions } from '../link/sessions.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { Notices } from '../platform/notices.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { toWireMethod, type MethodWord } from './methods.ts';

/** How long after a delete the agent looks again whether a flow came back. */
const VERIFY_AFTER_MS = 500;

/** Sends a gateway its unfinished commands, in order, over the session that this replica holds. Doing it again sends nothing twice in one session. */
@Injectable()
export class DeliveryService {
  private readonly running = new Map<string, Promise<void>>();

  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** One delivery per gateway at a time, so that commands leave in the order of seq (I3). */
  async deliver(gatewayId: string): Promise<void> {
    const before = this.running.get(gatewayId) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => this.deliverNow(gatewayId));
    this.running.set(gatewayId, mine);
    try {
      await mine;
    } finally {
      if (this.running.get(gatewayId) === mine) this.running.delete(gatewayId);
    }
  }

  /** For a gateway whose link another replica holds: it delivers on the notice. Where nobody holds it, the waiting targets say since when. */
  async deliverAnywhere(gatewayId: string): Promise<void> {
    if (this.sessions.get(gatewayId)) return this.deliver(gatewayId);
    const now = this.clock();
    await this.database.transact('all', async (t) => {
      const row = await this.gateways.find(t, gatewayId);
      if (!row) return;
      const state = linkState(row, now);
      if (state.state === 'online') return this.notices.send(t, 'deliver', gatewayId);
      for (const command of await this.commands.unfinished(t, gatewayId, new Date(now))) {
        if (command.state !== 'pending') continue;
        await this.flushes.move(t, command.flushId, gatewayId, 'offline', { reason: `waits for the gateway: ${offlineReason(state)}` });
        await this.notices.send(t, 'flush', command.flushId);
      }
    });
  }

  private async deliverNow(gatewayId: string): Promise<void> {
    const session = this.sessions.get(gatewayId);
    if (!session || session.isClosed) return;
    const scope = new Set([session.identity.tenantId]);
    const now = new Date(this.clock());
    const unfinished = await this.database.transact(scope, (t) => this.commands.unfinished(t, gatewayId, now));
    // A stop goes before its command: what the gateway has not begun it then refuses, and what it has done it reports.
    const stopped = unfinished.filter((command) => command.stoppedAt !== null && !session.sentStops.has(command.id)).map((command) => command.id);
    if (stopped.length > 0) session.send({ $case: 'stop', value: { commandIds: stopped } });
    stopped.forEach((id) => session.sentStops.add(id));
    for (const command of unfinished) {
      if (session.sentCommands.has(command.id)) continue;
      const isClaimed = await this.database.transact(scope, async (t) => {
        if (!(await this.commands.claim(t, command, session.epoch, now))) return false;
        if (command.state === 'pending') {
          await this.flushes.move(t, command.flushId, gatewayId, 'waiting', { reason: null });
          await this.notices.send(t, 'flush', command.flushId);
        }
        return true;
      });
      if (!isClaimed) continue;
      session.sentCommands.add(command.id);
      session.send({ $case: 'command', value: toWireCommand(command, session.epoch) });
    }
  }
}

function toWireCommand(command: Command, epoch: bigint): WireCommand {
  return { id: command.id, seq: command.seq, epoch, notAfterMs: BigInt(command.notAfter.getTime()), work: toWireWork(command) };
}

function toWireWork({ planId, digest, method, forSeconds, undoForSeconds, undoOf }: Command): WireCommand['work'] {
  if (undoOf !== null) return { $case: 'undoPlan', value: { commandId: undoOf, planId } };
  return {
    $case: 'runPlan',
    value: { planId, digest: Buffer.from(digest), method: toWireMethod(method as MethodWord), verifyAfterMs: VERIFY_AFTER_MS, forSeconds: forSeconds ?? undefined, undoForSeconds },
  };
}
