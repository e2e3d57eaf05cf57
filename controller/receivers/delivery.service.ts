import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { isHttpKind } from '../../proto/model/alerts/receiver-kinds.ts';
import { Channels, NO_MAIL, NotTaken } from './channels.service.ts';
import { DeliveriesRepository } from './deliveries.repository.ts';
import type { Claimed } from './rows.ts';
import { planDeliveries, planReminders } from './planning.ts';

const MINUTE_MS = 60_000;
/** Waits after an attempt that was not taken: most of a day together. */
const WAITS_MS = [1, 2, 5, 15, 30, 60, 120, 240, 480].map((minutes) => minutes * MINUTE_MS);
/** Longer than an attempt can take: one whose process died is begun again then, under the same id. */
const CLAIM_MS = 10 * MINUTE_MS;
const AT_ONCE = 200;
/** Between two looks at what is still raised. */
const REMINDERS_MS = 20_000;
/** The oldest are reminded of. */
const MAX_STANDING = 1000;
const TOO_LATE = 'It was cleared before it was taken.';
const SEEN_TO = 'It was acknowledged or silenced first.';
const REMOVED = 'The receiver was removed.';
const NOT_TOLD = 'That it was raised was not taken, so that it was cleared is not told.';

/** Tells receivers what happened to alerts: at least once, and the same thing under the same id. */
@Injectable()
export class DeliveryService {
  private remindedMs = -Infinity;

  constructor(
    @Inject(Channels) private readonly channels: Channels,
    @Inject(DeliveriesRepository) private readonly deliveries: DeliveriesRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Plans who is told of what happened since, in one transaction with noting that it was planned. */
  async plan(): Promise<void> {
    for (let isMore = true; isMore;)
      isMore = await this.database.transact('all', async (t) => {
        if (!(await this.deliveries.lock(t))) return false;
        const untold = await this.deliveries.untold(t, AT_ONCE);
        if (untold.length === 0) return false;
        const now = new Date(this.clock());
        const cleared = untold.filter(({ transition }) => transition === 'cleared').map(({ alertId }) => alertId);
        if (cleared.length > 0) await this.deliveries.leaveOut(t, cleared, TOO_LATE);
        const told = await this.deliveries.told(t, [...new Set(untold.map(({ alertId }) => alertId))]);
        const planned = planDeliveries(untold, await this.deliveries.receivers(t), told, now.getTime());
        if (planned.length > 0) await this.deliveries.insert(t, planned, now, this.channels.hasMail ? undefined : NO_MAIL);
        await this.deliveries.routed(
          t,
          untold.map(({ id }) => id),
          now,
        );
        return untold.length === AT_ONCE;
      });
  }

  /** Plans what is told again, or late; seldom, for nothing of it is sudden. */
  async remind(): Promise<void> {
    const nowMs = this.clock();
    if (nowMs - this.remindedMs < REMINDERS_MS) return;
    this.remindedMs = nowMs;
    await this.database.transact('all', async (t) => {
      if (!(await this.deliveries.lock(t))) return;
      const receivers = (await this.deliveries.receivers(t)).filter(({ hours, remindMinutes }) => hours || remindMinutes !== null);
      if (receivers.length === 0) return;
      const standing = await this.deliveries.standing(t, MAX_STANDING);
      const told = await this.deliveries.lastTold(
        t,
        standing.map(({ alertId }) => alertId),
      );
      const planned = planReminders(standing, receivers, told, nowMs);
      if (planned.length > 0) await this.deliveries.insert(t, planned, new Date(nowMs), this.channels.hasMail ? undefined : NO_MAIL);
    });
  }

  async due(): Promise<{ id: string; attempts: number }[]> {
    return this.database.transact('all', (t) => this.deliveries.due(t, new Date(this.clock()), this.channels.hasMail, AT_ONCE));
  }

  /** One attempt, if one is due. */
  async send(id: string): Promise<void> {
    const nowMs = this.clock();
    const claimed = await this.database.transact('all', (t) => this.deliveries.claim(t, id, new Date(nowMs), new Date(nowMs + CLAIM_MS)));
    if (!claimed) return;
    const { reason, raisedState, alertState } = claimed;
    if (reason !== 'cleared' && claimed.clearedAt) return this.settle(claimed, 'left-out', TOO_LATE);
    if (reason === 'reminder' && alertState !== 'raised') return this.settle(claimed, 'left-out', SEEN_TO);
    // What it answers is under way: then this has to come after it.
    if (reason === 'cleared' && raisedState === 'sending') return this.settle(claimed, 'retrying', '', MINUTE_MS);
    if (reason === 'cleared' && raisedState !== 'sent') return this.settle(claimed, 'left-out', NOT_TOLD);
    const { kind, receiverId, receiverName: name, address, target } = claimed;
    if (isHttpKind(kind) && receiverId === null) return this.settle(claimed, 'left-out', REMOVED);
    try {
      await this.settle(claimed, 'sent', await this.channels.send({ kind, name, address, target }, { told: claimed }, claimed.id));
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error;
      const nextMs = error.isPermanent ? undefined : WAITS_MS[claimed.attempts - 1];
      const waitMs = nextMs === undefined ? undefined : Math.max(nextMs, error.retryAfterMs);
      // Not the other side's words, which may repeat the address; they are in the log of deliveries.
      this.logger.warn({ delivery: id, attempts: claimed.attempts, isPermanent: error.isPermanent, waitMs }, 'an alert was not taken');
      await this.settle(claimed, waitMs === undefined ? 'failed' : 'retrying', error.message, waitMs);
    }
  }

  private async settle(claimed: Claimed, state: 'sent' | 'retrying' | 'failed' | 'left-out', answer: string, waitMs = 0): Promise<void> {
    const at = new Date(this.clock());
    await this.database.transact('all', (t) =>
      this.deliveries.settle(t, claimed, {
        state,
        answer,
        at,
        nextAttemptAt: state === 'retrying' ? new Date(at.getTime() + waitMs) : undefined,
      }),
    );
  }
}
