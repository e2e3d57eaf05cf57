import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { FleetState, type Seen } from './fleet-state.ts';

/** What changed within this time is read together. */
const GATHER_MS = 250;
/** The whole fleet is read in pages, and what changed in parts, of this size. */
const PAGE = 500;
/** After a reading that failed. */
const RETRY_MS = 1000;
/** How long a caller waits for the first reading of a replica that has just started. */
const FIRST_MS = 10_000;
const FAILED = 'the state of the fleet could not be read';

/**
 * Keeps the state of the fleet in a process with the role `api`: read once in pages, then what notices name, at most one read at a time.
 * Where notices may have been missed everything is read again in the background, and what is served meanwhile is marked as possibly old; so
 * it is while Postgres cannot be read.
 */
@Injectable()
export class FleetStateService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly state: FleetState;
  private readonly changed = new Set<string>();
  private readonly listeners = new Set<() => void>();
  private readonly failures: Failures;
  /** Everything has to be read: nothing was yet, or notices may have been missed. */
  private isMissed = true;
  private isBehind = true;
  private timer: NodeJS.Timeout | undefined;
  private stop: (() => void) | undefined;
  private reading: Promise<void> | undefined;
  private isRead = false;
  private retryAtMs = 0;

  constructor(
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.state = new FleetState(config);
    this.failures = new Failures(logger, clock);
  }

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('api')) return;
    this.stop = this.notifications.on(
      GATEWAY_CHANGED,
      (id) => this.changed.add(id),
      () => (this.isMissed = true),
    );
    this.timer = setInterval(() => void this.keep(), GATHER_MS);
    void this.keep();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.stop?.();
    await this.reading;
  }

  /** Calls `listener` each time that something may have changed. Returns a function to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** What a caller of these tenants may see. Throws UNAVAILABLE while this replica has not read the fleet yet, after a wait. */
  async seenBy(scope: TenantScope): Promise<Seen> {
    if (!this.isRead) await this.firstReading();
    return this.state.seenBy(scope);
  }

  /** How current it is. */
  freshness(): { asOf: string; isOld: boolean } {
    return { asOf: new Date(this.state.asOfMs).toISOString(), isOld: this.isBehind || this.isMissed || !this.notifications.isListening };
  }

  /** One round: reads what changed, then shows the fleet as of the time at which it began. Never rejects; one at a time. */
  async keep(): Promise<void> {
    this.reading ??= this.round().finally(() => (this.reading = undefined));
    await this.reading;
  }

  private async round(): Promise<void> {
    const nowMs = this.clock();
    // Without notices what is read would be old at once, and everything is read when they come again.
    if (nowMs < this.retryAtMs || !this.notifications.isListening) return;
    const ids = new Set([...this.changed, ...this.state.toCheck(nowMs)]);
    const isAll = this.isMissed;
    this.changed.clear();
    this.isMissed = false;
    try {
      if (isAll) await this.readAll(nowMs);
      else if (ids.size > 0) await this.readSome([...ids], nowMs);
      this.failures.worked(FAILED);
    } catch (error) {
      this.isBehind = true;
      this.isMissed ||= isAll;
      for (const id of ids) this.changed.add(id);
      this.retryAtMs = nowMs + RETRY_MS;
      this.failures.failed(FAILED, error);
      return;
    }
    if (this.isMissed || !this.notifications.isListening) return;
    this.isBehind = false;
    this.isRead = true;
    this.state.advance(nowMs);
    for (const listener of this.listeners) listener();
  }

  private async readAll(nowMs: number): Promise<void> {
    const ids = new Set<string>();
    for (let after: string | undefined, isMore = true; isMore;) {
      const page = await this.gateways.readPage(after, PAGE);
      for (const { row } of page) ids.add(row.id);
      this.state.put([], page, nowMs);
      after = page.at(-1)?.row.id;
      isMore = page.length === PAGE;
    }
    this.state.keepOnly(ids);
  }

  private async readSome(ids: string[], nowMs: number): Promise<void> {
    for (let at = 0; at < ids.length; at += PAGE) {
      const some = ids.slice(at, at + PAGE);
      this.state.put(some, await this.gateways.readSome(some), nowMs);
    }
  }

  private firstReading(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.onChange(() => {
        clearTimeout(timer);
        stop();
        resolve();
      });
      const timer = setTimeout(() => {
        stop();
        reject(new FleetError('UNAVAILABLE', 'The state of the fleet is being read. Try again in a few seconds.'));
      }, FIRST_MS);
    });
  }
}
