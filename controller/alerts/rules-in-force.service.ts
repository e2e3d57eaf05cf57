import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { AlertRulesRepository } from './alert-rules.repository.ts';
import { ALERT_RULES_CHANGED } from './notifications.ts';
import { attachedRules, RulesInForce } from './rules-in-force.ts';
import { WindowsRepository } from './windows.repository.ts';

const LOOK_MS = 500;
/** Names, tags and sites of gateways change without a notice of ours. */
const OLDEST_MS = 30_000;
const FAILED = 'alert rules could not be read; those read before hold on';

/**
 * Keeps rules, windows and places of gateways in memory: read again when a notice says so, and twice a minute. What holds is the same for
 * all samples of a run. The one place where documents of the installation are read for gateways of any tenant.
 */
@Injectable()
export class RulesInForceService implements OnApplicationBootstrap, OnModuleDestroy {
  private current: RulesInForce | undefined;
  private readAtMs = 0;
  private isChanged = true;
  private reading: Promise<RulesInForce> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stop: (() => void) | undefined;
  private readonly failures: Failures;

  constructor(
    @Inject(AlertRulesRepository) private readonly rules: AlertRulesRepository,
    @Inject(WindowsRepository) private readonly windows: WindowsRepository,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.failures = new Failures(logger, clock);
  }

  onApplicationBootstrap(): void {
    const changed = (): void => void (this.isChanged = true);
    this.stop = this.notifications.on(ALERT_RULES_CHANGED, changed, changed);
    this.timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.stop?.();
    await this.reading?.catch(() => undefined);
  }

  /** What holds now; of gateways that were not there when it was read last, it is read again. */
  async now(gatewayIds: readonly string[] = []): Promise<RulesInForce> {
    const { current } = this;
    const isUnknown = gatewayIds.some((id) => !current?.places.has(id)) && this.clock() - this.readAtMs > LOOK_MS;
    return current && !isUnknown ? current : this.read();
  }

  /** Reads it again; of those who ask meanwhile all get the same. */
  async read(): Promise<RulesInForce> {
    this.reading ??= this.readNow().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async look(): Promise<void> {
    if (!this.isChanged && Math.abs(this.clock() - this.readAtMs) < OLDEST_MS) return;
    await this.read().then(
      () => this.failures.worked(FAILED),
      (error: unknown) => this.failures.failed(FAILED, error),
    );
  }

  private async readNow(): Promise<RulesInForce> {
    this.isChanged = false;
    try {
      const [rules, windows, places] = await this.database.transact(
        'all',
        async (t) => [await this.rules.all(t), await this.windows.all(t), await this.rules.places(t)] as const,
      );
      this.readAtMs = this.clock();
      return (this.current = new RulesInForce(attachedRules(rules), windows, places));
    } catch (error) {
      this.isChanged = true;
      throw error;
    }
  }
}
