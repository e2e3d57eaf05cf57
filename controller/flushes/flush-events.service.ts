import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { flushEvent } from '../../proto/http/flushes.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { FlushesService } from './flushes.service.ts';
import { FLUSH_CHANGED } from './notifications.ts';

/** A listener gets at most one update per this time: a change after a quiet time at once, those that follow it together. */
const GATHER_MS = 100;
/** Delay before the database is asked again after it did not answer. */
const RETRY_MS = 1000;
type Event = z.output<typeof flushEvent>;

/** Sends a listener the flush as it is, then each change of a target; the whole flush again when it ends. */
@Injectable()
export class FlushEventsService {
  constructor(
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** `open` creates the listener once the flush was found. Throws NOT_FOUND before that. */
  async watch(
    scope: TenantScope,
    id: string,
    open: () => { send(event: unknown): void; onClose(closer: () => void): void },
  ): Promise<void> {
    let told = await this.flushes.get(scope, id);
    const listener = open();
    const send = (event: Event): void => listener.send(event);
    const tell = async (): Promise<void> => {
      const now = await this.flushes.get(scope, id);
      const before = new Map(told.targets.map((target) => [target.gatewayId, JSON.stringify(target)]));
      for (const target of now.targets) {
        if (JSON.stringify(target) !== before.get(target.gatewayId))
          send({ kind: 'target', flushId: id, target, totals: now.totals, state: now.state });
      }
      if (now.state !== told.state) send({ kind: 'flush', flush: now });
      told = now;
    };
    let timer: NodeJS.Timeout | undefined;
    let toldAtMs = -Infinity;
    let [isClosed, hasChanged] = [false, false];
    const tellIn = (delayMs: number): void => {
      timer = setTimeout(() => void tellNow(), delayMs);
    };
    // One at a time, so that nothing is sent out of order; changes in the meantime, and what could not be sent, follow in the next update.
    const tellNow = async (): Promise<void> => {
      hasChanged = false;
      const isTold = await tell().then(
        () => true,
        () => false,
      );
      [timer, toldAtMs] = [undefined, this.clock()];
      if ((hasChanged || !isTold) && !isClosed) tellIn(isTold ? GATHER_MS : RETRY_MS);
    };
    const changed = (): void => {
      hasChanged = true;
      if (timer === undefined) tellIn(Math.max(0, toldAtMs + GATHER_MS - this.clock()));
    };
    const stop = this.notifications.on(FLUSH_CHANGED, (flushId) => flushId === id && changed(), changed);
    listener.onClose(() => {
      isClosed = true;
      stop();
      clearTimeout(timer);
    });
    send({ kind: 'flush', flush: told });
    // Changes between the read and the subscription.
    if (timer === undefined) tellIn(0);
  }
}
