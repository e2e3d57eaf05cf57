import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Queue, setDefaultBackendFactory, Worker, type ConnectionOptions } from 'bullmq';
import { setTimeout as delay } from 'node:timers/promises';
import { FleetError } from '../../proto/model/error-codes.ts';
import { sessionOf, USUAL } from '../platform/bounded-client.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import type { JobName, JobQueue } from './job-queue.ts';
import { createPatientBackend } from './patient-backend.ts';

/** A job whose worker died is given to another after at most lock plus interval. */
const LOCK_MS = 10_000;
const STALLED_MS = 5000;
/** A queue that takes longer is as good as away. BullMQ itself waits for a connection without end. */
const PATIENCE_MS = 1000;
/** Until a worker whose first connection failed is made again. */
const AGAIN_MS = 1000;
const AWAY = 'the queue is away';
const FAILED = 'a job of the queue failed; what it left undone is done again';
const KEEP_NONE = { removeOnComplete: true, removeOnFail: true } as const;

/** BullMQ on Redis where there is one, else on Postgres. A backend that is away makes `add` fail within a second. */
@Injectable()
export class Queues implements BeforeApplicationShutdown {
  private readonly connection: ConnectionOptions;
  private readonly queues = new Map<string, Queue>();
  private readonly workers = new Set<Worker>();
  private readonly recurring: { name: string; job: string; everyMs: number }[] = [];
  private isClosing = false;
  private readonly failures: Failures;

  constructor(@Inject(CONFIG) config: Config, @Inject(LOGGER) logger: Logger, @Inject(CLOCK) clock: Clock) {
    this.failures = new Failures(logger, clock);
    if (config.redisUrl !== undefined) {
      setDefaultBackendFactory();
      this.connection = { url: config.redisUrl, maxRetriesPerRequest: null, enableOfflineQueue: false };
    } else {
      setDefaultBackendFactory(createPatientBackend);
      this.connection = { connectionString: config.databaseUrl, max: 4, ...sessionOf(USUAL) } as never;
    }
  }

  /** Adds a job. One with the same id that still waits or runs stays the only one; ids hold no colon. */
  async add<Jobs extends object, J extends JobName<Jobs>>({ name }: JobQueue<Jobs>, job: J, data: Jobs[J], jobId: string): Promise<void> {
    await this.answered(this.queue(name).add(job, data, { jobId, ...KEEP_NONE }));
  }

  /** Has a job run again and again, from the next renewal on. */
  every<Jobs extends object>({ name }: JobQueue<Jobs>, job: JobName<Jobs>, everyMs: number): void {
    this.recurring.push({ name, job, everyMs });
  }

  /**
   * Makes or renews the schedules of all jobs that run again and again; several controllers doing so make each once. Throws at the first
   * that fails.
   */
  async renewSchedules(): Promise<void> {
    for (const { name, job, everyMs } of this.recurring)
      await this.answered(this.queue(name).upsertJobScheduler(job, { every: everyMs }, { name: job, data: {}, opts: KEEP_NONE }));
  }

  /** Makes the schedules of a job those that are given, and no others. Their times are those of cron-parser. */
  async scheduleAll<Jobs extends object>(
    { name }: JobQueue<Jobs>,
    job: JobName<Jobs>,
    wanted: { key: string; cron: string; timeZone: string }[],
  ): Promise<void> {
    const queue = this.queue(name);
    const keys = new Set(wanted.map(({ key }) => key));
    for (const { key } of await soon(queue.getJobSchedulers())) if (!keys.has(key)) await soon(queue.removeJobScheduler(key));
    for (const { key, cron, timeZone } of wanted)
      await soon(queue.upsertJobScheduler(key, { pattern: cron, tz: timeZone }, { name: job, data: {}, opts: KEEP_NONE }));
  }

  /** Works on a queue until shutdown. Errors are logged; what they left undone is done again from Postgres. */
  work<Jobs extends object>(
    { name }: JobQueue<Jobs>,
    concurrency: number,
    handlers: { [J in JobName<Jobs>]: (data: Jobs[J]) => Promise<void> },
  ): void {
    // A job that this version does not know was left by another; it is taken off the queue, and what it stood for is in Postgres.
    const handle = async (job: string, data: unknown): Promise<void> => handlers[job as JobName<Jobs>]?.(data as Jobs[JobName<Jobs>]);
    void this.begin(
      name,
      () =>
        new Worker(name, (job) => handle(job.name, job.data), {
          connection: this.connectionFor('worker'),
          concurrency,
          lockDuration: LOCK_MS,
          stalledInterval: STALLED_MS,
          maxStalledCount: 1000,
          autorun: false,
        }),
    );
  }

  /** Runs a worker once it is ready. One whose first connection fails remembers that for good, so another is made. */
  private async begin(name: string, make: () => Worker): Promise<void> {
    while (!this.isClosing) {
      const worker = make();
      worker.on('error', (error) => this.failures.failed(AWAY, error, { queue: name }));
      worker.on('failed', (job, error) => this.failures.failed(FAILED, error, { queue: name, job: job?.id }));
      worker.on('completed', () => this.failures.worked(FAILED));
      this.workers.add(worker);
      try {
        await worker.waitUntilReady();
        this.failures.worked(AWAY);
        return void worker.run().catch((error: unknown) => this.failures.failed(AWAY, error, { queue: name }));
      } catch (error) {
        this.failures.failed(AWAY, error, { queue: name });
        this.workers.delete(worker);
        void worker.close(true).catch(() => undefined);
        await delay(AGAIN_MS, undefined, { ref: false });
      }
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    await Promise.allSettled([...this.workers].map((worker) => soon(worker.close(true))));
    await Promise.allSettled([...this.queues.values()].map((queue) => soon(queue.close())));
  }

  private async answered(work: Promise<unknown>): Promise<void> {
    await soon(work);
    this.failures.worked(AWAY);
  }

  private queue(name: string): Queue {
    const existing = this.queues.get(name);
    if (existing) return existing;
    const queue = new Queue(name, { connection: this.connectionFor('queue') });
    queue.on('error', (error) => this.failures.failed(AWAY, error, { queue: name }));
    this.queues.set(name, queue);
    // As with workers: the next who asks gets another.
    queue.waitUntilReady().catch(() => {
      this.queues.delete(name);
      void queue.close().catch(() => undefined);
    });
    return queue;
  }

  /** Workers wait for Redis to come back; who adds a job does not. */
  private connectionFor(use: 'queue' | 'worker'): ConnectionOptions {
    return use === 'worker' && 'enableOfflineQueue' in this.connection ? { ...this.connection, enableOfflineQueue: true } : this.connection;
  }
}

/**
 * The work's result, or UNAVAILABLE if it takes longer than the queue is given; what it still does then changes nothing, for job ids are
 * unique.
 */
async function soon<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new FleetError('UNAVAILABLE', `The queue did not answer in ${PATIENCE_MS} ms.`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
