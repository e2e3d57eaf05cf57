import { Worker } from 'node:worker_threads';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { ThreadOutcome, ThreadTask } from './thread.ts';

/** Whoever plans soon rolls out; after this long without a question its memory is given back. */
const IDLE_MS = 60_000;
// Run from source the thread is TypeScript too; run from build it is not.
const FILE = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url);

/**
 * A thread off that of the link, for one question after the other: to start it costs more than most of its answers. It is in the network
 * namespace in which it was started, and is started again for the next question where one was not awaited to its end.
 */
export class ReadingThread {
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** Throws CANCELLED when the signal aborts, UNAVAILABLE if the thread ends without an answer. */
  ask(task: ThreadTask, signal: AbortSignal): Promise<ThreadOutcome> {
    const answer = this.#turn.then(() => this.#askNow(task, signal));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #askNow(task: ThreadTask, signal: AbortSignal): Promise<ThreadOutcome> {
    if (signal.aborted) throw cancelled();
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<ThreadOutcome>();
    const ended = (): void => reject(new FleetError('UNAVAILABLE', 'The thread that reads the settings ended. Try again.'));
    const stop = (): void => reject(cancelled());
    worker.once('message', resolve).once('error', reject).once('exit', ended);
    signal.addEventListener('abort', stop, { once: true });
    worker.postMessage(task);
    try {
      const outcome = await promise;
      worker.unref();
      this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
      return outcome;
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      worker.off('message', resolve).off('error', reject).off('exit', ended);
    }
  }

  #start(): Worker {
    // With trackUnmanagedFds Node would close sockets that it did not open itself.
    const worker = new Worker(FILE, { trackUnmanagedFds: false });
    // Whoever waits for an answer hears of it too.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }

  #end(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}

function cancelled(): FleetError {
  return new FleetError('CANCELLED', 'The request was cancelled.');
}
