import { Worker } from 'node:worker_threads';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { EventCounts } from './counts.ts';
import { readSysctl } from '../proc/proc-files.ts';

export interface EventOptions {
  /** Bytes asked for; the kernel doubles it and takes 1,280 of it for an event: 64 MB hold about 105,000 events. */
  receiveBuffer: number;
  /** Hear changes too: five of the seven events of a short TCP connection. */
  withChanges: boolean;
  /** Keep the set of entries that are alive. */
  withLive: boolean;
}

export type FromEventWorker = { kind: 'listening' } | { kind: 'failed' | 'failed walk'; message: string };

/** What was heard since listening began. Counts go round at 2^32; their differences are right for as long as that. */
export interface EventTotals {
  born: number;
  changed: number;
  /**
   * With nf_conntrack_events=2, the kernel's default, a flow that was born while nobody on the machine listened (in whatever namespace)
   * ends
   * without an event; one that was born under 0 does too. So there may be fewer ends than flows that ended.
   */
  ended: number;
  /** Of `ended`, those that a delete of this process caused. */
  endedByUs: number;
  /** How often the kernel said that it had to throw events away. How many, it does not say. */
  overflows: number;
  /** Walks that made the set of live entries exact (again). */
  heals: number;
  /** Entries alive; undefined where that is not kept, or not known until the next walk is done. */
  live: number | undefined;
}

const DEFAULTS: EventOptions = { receiveBuffer: 64 << 20, withChanges: false, withLive: false };

/** The events of the conntrack table of this process's network namespace, heard by a thread of their own. */
export class TableEvents {
  readonly #counts: EventCounts;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  private constructor(counts: EventCounts, worker: Worker) {
    this.#counts = counts;
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()));
  }

  /**
   * Resolves when events are heard. `onProblem` is told what goes wrong later, a walk that failed or the end of the thread.
   * Throws CAPABILITY_MISSING where the kernel lets nobody listen.
   */
  static async open(options: Partial<EventOptions> = {}, onProblem: (message: string) => void = () => undefined): Promise<TableEvents> {
    if (!readSysctl('nf_conntrack_events'))
      throw new FleetError(
        'CAPABILITY_MISSING',
        'This kernel makes no events: set net.netfilter.nf_conntrack_events to 1, or to 2 where there is that.',
      );
    const counts = new EventCounts();
    // Run from source the worker is TypeScript too; run from build it is not.
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    // With trackUnmanagedFds Node would close sockets that it did not open itself.
    const worker = new Worker(file, { workerData: { ...DEFAULTS, ...options, memory: counts.memory }, trackUnmanagedFds: false });
    const events = new TableEvents(counts, worker);
    await new Promise<void>((resolve, reject) => {
      const refused = (message: string): void =>
        reject(new FleetError('CAPABILITY_MISSING', `The kernel’s events cannot be heard: ${message}`));
      worker.on('error', (error) => {
        refused(error.message);
        onProblem(error.message);
      });
      worker.on('message', (message: FromEventWorker) => {
        if (message.kind === 'listening') return resolve();
        refused(message.message);
        onProblem(message.message);
      });
    });
    // Listening alone does not keep the program alive.
    worker.unref();
    return events;
  }

  totals(): EventTotals {
    const counts = this.#counts;
    return {
      born: counts.get('born'),
      changed: counts.get('changed'),
      ended: counts.get('ended'),
      endedByUs: counts.get('endedByUs'),
      overflows: counts.get('overflows'),
      heals: counts.get('heals'),
      live: counts.get('isLive') === 1 ? counts.get('live') : undefined,
    };
  }

  /** Ends the thread; it is over within the time of one read (200 ms). */
  async close(): Promise<void> {
    this.#counts.set('isStopping', 1);
    this.#worker.ref();
    await this.#ended;
  }
}
