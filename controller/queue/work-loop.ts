import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';

const TICK_MS = 2000;
/** What the queue is to know is told to it this often: one that lost everything has it back. */
const RENEW_TICKS = 15;

/** What is done again and again; `failure` is what the log says where it could not be. */
interface Step { failure: string; run: () => Promise<void> }

/** The heartbeat of the role `work`. Nouns hang their steps onto it (`*.jobs.ts`); one that fails is logged, and the next one runs all the same. */
@Injectable()
export class WorkLoop implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly steps: Step[] = [];
  private readonly renewals: Step[] = [];
  private timer: NodeJS.Timeout | undefined;
  private ticks = 0;
  private isWanted = false;
  private running: Promise<void> | undefined;
  private readonly failures: Failures;

  constructor(@Inject(LOGGER) logger: Logger, @Inject(CLOCK) clock: Clock) {
    this.failures = new Failures(logger, clock);
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
    this.isWanted = false;
    await this.running;
  }

  /** Begins a tick. One at a time: asked for during one, the next begins at once after it. */
  wake(): void {
    this.isWanted = true;
    this.running ??= this.loop().finally(() => { this.running = undefined; });
  }

  private async loop(): Promise<void> {
    while (this.isWanted) {
      this.isWanted = false;
      const isRenewal = this.ticks++ % RENEW_TICKS === 0;
      for (const { failure, run } of [...this.steps, ...(isRenewal ? this.renewals : [])]) await this.failures.watch(failure, run);
    }
  }
}
