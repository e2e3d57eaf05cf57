import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Queues } from './queues.ts';

const TICK_MS = 2000;
/** How often the schedules are sent to the queue again: a queue that lost everything gets them back. */
const RENEW_TICKS = 15;

/** A recurring step; `failure` is the log message if it fails. */
interface Step {
  failure: string;
  run: () => Promise<void>;
}

/**
 * The heartbeat of the role `work`. It renews the schedules of the queue, and nouns add their steps to it (`*.jobs.ts`); a step that fails
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

  /** Runs a step at each tick, every 2 s and whenever the loop is woken, after the steps that were added before. */
  everyTick(failure: string, run: () => Promise<void>): void {
    this.steps.push({ failure, run });
  }

  /** Runs a step twice a minute. */
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

  /** Begins a tick. One at a time: if called during a tick, the next one begins right after it. */
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
        // Unfinished work is done by the next worker; a step that waits for an unavailable queue takes a second.
        if (this.isStopped) return;
        await this.failures.watch(failure, run);
      }
    }
  }
}
