import { Worker } from 'node:worker_threads';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { EventCounts } from './counts.ts';
import { readSysctl } from '../proc/proc-files.ts';

export interface EventOptions {
  /** Bytes requested; the kernel doubles it and charges 1,280 bytes an event: 64 MB hold about 105,000 events. */
  receiveBuffer: number;
  /** Receive changes too: five of the seven events of a short TCP connection. */
  withChanges: boolean;
  /** Maintain the set of live entries. */
  withLive: boolean;
}

export type FromEventWorker = { kind: 'listening' } | { kind: 'failed' | 'failed walk'; message: string };

/** Counts since listening began. They wrap around at 2^32; differences modulo 2^32 stay correct. */
export interface EventTotals {
  born: number;
  changed: number;
  /**
   * With nf_conntrack_events=2, the kernel's default, a flow that was born while nobody on the machine listened (in whatever namespace)
   * ends without an event, as does one born under 0. So this may be less than the number of flows that ended.
   */
  ended: number;
  /** Of `ended`, those caused by a delete of this process. */
  endedByUs: number;
  /** How often the kernel reported that it dropped events. It does not say how many. */
  overflows: number;
  /** Walks that made the set of live entries exact (again). */
  heals: number;
  /** Live entries; undefined if they are not maintained, or unknown until the next walk is done. */
  live: number | undefined;
}

const DEFAULTS: EventOptions = { receiveBuffer: 64 << 20, withChanges: false, withLive: false };

/** The conntrack events of this process's network namespace, received by a thread of their own. */
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
   * Resolves once events are received. `onProblem` is called for later failures: a walk that failed or the end of the thread. Throws
   * CAPABILITY_MISSING if the kernel refuses.
   */
  static async open(options: Partial<EventOptions> = {}, onProblem: (message: string) => void = () => undefined): Promise<TableEvents> {
    if (!readSysctl('nf_conntrack_events'))
      throw new FleetError(
        'CAPABILITY_MISSING',
        'This kernel sends no events: set net.netfilter.nf_conntrack_events to 1, or to 2 where supported.',
      );
    const counts = new EventCounts();
    // Run from source the worker is TypeScript too; run from build it is not.
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    // With trackUnmanagedFds Node would close sockets that it did not open itself.
    const worker = new Worker(file, { workerData: { ...DEFAULTS, ...options, memory: counts.memory }, trackUnmanagedFds: false });
    const events = new TableEvents(counts, worker);
    await new Promise<void>((resolve, reject) => {
      const refused = (message: string): void =>
        reject(new FleetError('CAPABILITY_MISSING', `Cannot receive the kernel’s events: ${message}`));
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
    // Listening alone must not keep the process alive.
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

  /** Stops the thread, which ends within one read timeout (200 ms). */
  async close(): Promise<void> {
    this.#counts.set('isStopping', 1);
    this.#worker.ref();
    await this.#ended;
  }
}
