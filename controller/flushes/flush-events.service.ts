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
/** An update of many targets costs more, about a tenth of this for each; they are further apart. */
const GATHER_MS_PER_TARGET = 1;
/** No two updates are further apart. Also the delay before the database is asked again after it did not answer. */
const MAX_GATHER_MS = 1000;

/** What is watched: a whole with targets, and how each change of it is said. */
export interface Watched<Whole extends { state: string; targets: readonly { gatewayId: string }[] }> {
  id: string;
  get(): Promise<Whole>;
  ofTarget(target: Whole['targets'][number], whole: Whole): unknown;
  ofWhole(whole: Whole): unknown;
}
interface Listener {
  send(event: unknown): void;
  onClose(closer: () => void): void;
}

/** Sends a listener a flush as it is, then each change of a target; the whole flush again when its state changes. So for roll-outs. */
@Injectable()
export class FlushEventsService {
  constructor(
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** `open` creates the listener once the flush was found. Throws NOT_FOUND before that. */
  async watch(scope: TenantScope, id: string, open: () => Listener): Promise<void> {
    type Event = z.output<typeof flushEvent>;
    await this.follow(
      {
        id,
        get: () => this.flushes.get(scope, id),
        ofTarget: (target, { totals, state }): Event => ({ kind: 'target', flushId: id, target, totals, state }),
        ofWhole: (flush): Event => ({ kind: 'flush', flush }),
      },
      open,
    );
  }

  /** The same of whatever is carried out. */
  async follow<Whole extends { state: string; targets: readonly { gatewayId: string }[] }>(
    { id, get, ofTarget, ofWhole }: Watched<Whole>,
    open: () => Listener,
  ): Promise<void> {
    let told = await get();
    const listener = open();
    const tell = async (): Promise<void> => {
      const now = await get();
      const before = new Map(told.targets.map((target) => [target.gatewayId, JSON.stringify(target)]));
      for (const target of now.targets) {
        if (JSON.stringify(target) !== before.get(target.gatewayId)) listener.send(ofTarget(target, now));
      }
      if (now.state !== told.state) listener.send(ofWhole(now));
      told = now;
    };
    let timer: NodeJS.Timeout | undefined;
    let toldAtMs = -Infinity;
    let gatherMs = GATHER_MS;
    let [isClosed, hasChanged] = [false, false];
    const tellIn = (delayMs: number): void => {
      timer = setTimeout(() => void tellNow(), delayMs);
    };
    // One at a time, so that nothing is sent out of order; changes in the meantime, and what could not be sent, follow in the next update.
    const tellNow = async (): Promise<void> => {
      hasChanged = false;
      const beganAtMs = this.clock();
      const isTold = await tell().then(
        () => true,
        () => false,
      );
      [timer, toldAtMs] = [undefined, this.clock()];
      gatherMs = Math.min(MAX_GATHER_MS, Math.max(GATHER_MS, GATHER_MS_PER_TARGET * told.targets.length, toldAtMs - beganAtMs));
      if ((hasChanged || !isTold) && !isClosed) tellIn(isTold ? gatherMs : MAX_GATHER_MS);
    };
    const changed = (): void => {
      hasChanged = true;
      if (timer === undefined) tellIn(Math.max(0, toldAtMs + gatherMs - this.clock()));
    };
    const stop = this.notifications.on(FLUSH_CHANGED, (flushId) => flushId === id && changed(), changed);
    listener.onClose(() => {
      isClosed = true;
      stop();
      clearTimeout(timer);
    });
    listener.send(ofWhole(told));
    // Changes between the read and the subscription.
    if (timer === undefined) tellIn(0);
  }
}
