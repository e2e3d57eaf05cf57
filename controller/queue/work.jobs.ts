import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CheckpointsService } from '../audit/checkpoints.service.ts';
import { DeliveryService } from '../flushes/delivery.service.ts';
import { HistoryService } from '../history/history.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Notices } from '../platform/notices.ts';
import { ControllerRunsService } from '../remediations/controller-runs.service.ts';
import { SchedulesService } from '../remediations/schedules.service.ts';
import { RetentionService } from '../retention/retention.service.ts';
import { SCHEDULES, type Jobs } from './names.ts';
import { Queues } from './queues.ts';
import { RelayService } from '../flushes/relay.service.ts';

const TICK_MS = 2000;
/** Schedules are renewed this often: a queue that lost everything has them back. */
const RENEW_TICKS = 15;
const DELIVERIES_AT_ONCE = 6;

/** The role `work`: relays the outbox, works on the queues, keeps the schedules. */
@Injectable()
export class WorkJobs implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private stopListening: (() => void) | undefined;
  private ticks = 0;
  private isWanted = false;
  private running: Promise<void> | undefined;
  private readonly failures: Failures;

  constructor(
    @Inject(RelayService) private readonly relay: RelayService,
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(SchedulesService) private readonly schedules: SchedulesService,
    @Inject(ControllerRunsService) private readonly runs: ControllerRunsService,
    @Inject(RetentionService) private readonly retention: RetentionService,
    @Inject(CheckpointsService) private readonly checkpoints: CheckpointsService,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.failures = new Failures(logger, clock);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.history.maintain();
    this.queues.work('ctfleet-deliver', DELIVERIES_AT_ONCE, ({ data }) => this.delivery.deliverAnywhere((data as Jobs['ctfleet-deliver']['deliver']).gatewayIds));
    this.queues.work('ctfleet-history', 1, ({ name }) => this.lookAfterHistory(name as keyof Jobs['ctfleet-history']));
    this.queues.work('ctfleet-remediations', 1, () => this.schedules.runDue());
    this.queues.work('ctfleet-audit', 1, () => this.checkpoints.make());
    this.stopListening = this.notices.on('deliver', (id) => { if (!id) this.tick(); });
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.stopListening?.();
    this.isWanted = false;
    await this.running;
  }

  /** One tick at a time; a notice during one makes the next begin at once. */
  private tick(): void {
    this.isWanted = true;
    this.running ??= this.loop().finally(() => { this.running = undefined; });
  }

  private async loop(): Promise<void> {
    while (this.isWanted) {
      this.isWanted = false;
      await this.once();
    }
  }

  private async once(): Promise<void> {
    const isRenewal = this.ticks++ % RENEW_TICKS === 0;
    const steps: [string, () => Promise<void>][] = [
      ['the outbox could not be relayed', () => this.relay.relay()],
      ['late commands could not be ended', () => this.relay.sweep()],
      ['waves could not be moved on', () => this.relay.moveWavesOn()],
      ['runs could not be followed', () => this.runs.follow()],
      ...(isRenewal ? this.renewal() : []),
    ];
    for (const [message, step] of steps) await this.failures.watch(message, step);
  }

  private lookAfterHistory(job: keyof Jobs['ctfleet-history']): Promise<void> {
    if (job === 'maintain') return this.history.maintain();
    return job === 'retain' ? this.retention.drop() : this.history.rollUp();
  }

  private renewal(): [string, () => Promise<void>][] {
    return [
      ['schedules could not be renewed', async () => { for (const schedule of SCHEDULES) await this.queues.schedule(schedule); }],
      ['what is due could not be run', () => this.schedules.runDue()],
      ['the schedules of remediations could not be renewed', () => this.wake()],
    ];
  }

  /** The queue's schedulers become those of the remediations as they are now. */
  private async wake(): Promise<void> {
    await this.queues.scheduleAll('ctfleet-remediations', 'due', await this.schedules.wakeUps());
  }
}
