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

/** A job whose worker died is given to another after at most lock duration plus interval. */
const LOCK_MS = 10_000;
const STALLED_MS = 5000;
/** A queue that takes longer counts as unavailable. BullMQ itself waits for a connection indefinitely. */
const PATIENCE_MS = 1000;
/** Delay before a worker whose first connection failed is created again. */
const AGAIN_MS = 1000;
const AWAY = 'the queue is unavailable';
const FAILED = 'a queue job failed; its unfinished work will be redone';
const KEEP_NONE = { removeOnComplete: true, removeOnFail: true } as const;

/** BullMQ on Redis if there is one, otherwise on Postgres. If the backend is unavailable, `add` fails within a second. */
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

  /** Adds a job. If a job with the same id is waiting or running, no second one is added; ids must not contain a colon. */
  async add<Jobs extends object, J extends JobName<Jobs>>({ name }: JobQueue<Jobs>, job: J, data: Jobs[J], jobId: string): Promise<void> {
    await this.answered(this.queue(name).add(job, data, { jobId, ...KEEP_NONE }));
  }

  /** Schedules a recurring job, from the next renewal on. */
  every<Jobs extends object>({ name }: JobQueue<Jobs>, job: JobName<Jobs>, everyMs: number): void {
    this.recurring.push({ name, job, everyMs });
  }

  /** Creates or renews the schedules of all recurring jobs; several controllers doing so create each once. Throws at the first failure. */
  async renewSchedules(): Promise<void> {
    for (const { name, job, everyMs } of this.recurring)
      await this.answered(this.queue(name).upsertJobScheduler(job, { every: everyMs }, { name: job, data: {}, opts: KEEP_NONE }));
  }

  /** Sets the schedules of a job to exactly the given ones. Times are computed by cron-parser. */
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

  /** Processes a queue until shutdown. Errors are logged; unfinished work is redone from Postgres. */
  work<Jobs extends object>(
    { name }: JobQueue<Jobs>,
    concurrency: number,
    handlers: { [J in JobName<Jobs>]: (data: Jobs[J]) => Promise<void> },
  ): void {
    // A job that this version does not know is from another version; it is taken off the queue, and its work is in Postgres.
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

  /** Runs a worker once it is ready. A worker whose first connection failed never recovers, so another is created. */
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
    // As with workers: the next caller gets a new one.
    queue.waitUntilReady().catch(() => {
      this.queues.delete(name);
      void queue.close().catch(() => undefined);
    });
    return queue;
  }

  /** Workers wait for Redis to come back; adding a job does not. */
  private connectionFor(use: 'queue' | 'worker'): ConnectionOptions {
    return use === 'worker' && 'enableOfflineQueue' in this.connection ? { ...this.connection, enableOfflineQueue: true } : this.connection;
  }
}

/**
 * The result of the work, or UNAVAILABLE if it takes longer than the queue is given; a late result changes nothing, because job ids are
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
