import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Queues } from './queues.ts';

const TICK_MS = 2000;
/** What the queue is to know is told to it this often: one that lost everything has it back. */
const RENEW_TICKS = 15;

/** What is done again and again; `failure` is what the log says where it could not be. */
interface Step {
  failure: string;
  run: () => Promise<void>;
}

/**
 * The heartbeat of the role `work`. It renews the schedules of the queue, and nouns hang their steps onto it (`*.jobs.ts`); one that fails
 * is logged, and the next one runs all the same.
 */
@Injectable()
export class WorkLoop implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly steps: Step[] = [];
  private readonly renewals: Step[] = [];
  private timer: NodeJS.Timeout | undefined;
  private ticks = 0;
  private isWanted = false;
  private isStopped = false;
  private running: Promise<void> | undefined;
  private readonly failures: Failures;

  constructor(@Inject(Queues) queues: Queues, @Inject(LOGGER) logger: Logger, @Inject(CLOCK) clock: Clock) {
    this.failures = new Failures(logger, clock);
    this.everyRenewal('schedules could not be renewed', () => queues.renewSchedules());
  }

  /** Has a step done at each tick, every 2 s and whenever the loop is woken, after those that were added before. */
  everyTick(failure: string, run: () => Promise<void>): void {
    this.steps.push({ failure, run });
  }

  /** Has a step done twice a minute. */
  everyRenewal(failure: string, run: () => Promise<void>): void {
    this.renewals.push({ failure, run });
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.wake(), TICK_MS);
    this.wake();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.isStopped = true;
    await this.running;
  }

  /** Begins a tick. One at a time: asked for during one, the next begins at once after it. */
  wake(): void {
    this.isWanted = true;
    this.running ??= this.loop().finally(() => {
      this.running = undefined;
    });
  }

  private async loop(): Promise<void> {
    while (this.isWanted && !this.isStopped) {
      this.isWanted = false;
      const isRenewal = this.ticks++ % RENEW_TICKS === 0;
      for (const { failure, run } of [...this.steps, ...(isRenewal ? this.renewals : [])]) {
        // What is left undone is done by whoever works next; a step that waits for a queue that is away takes a second.
        if (this.isStopped) return;
        await this.failures.watch(failure, run);
      }
    }
  }
}
