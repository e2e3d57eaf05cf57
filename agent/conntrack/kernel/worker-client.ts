import { Worker } from 'node:worker_threads';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { ColumnData } from '../rows/columns.ts';
import type { Placement } from './placement.ts';
import type { Answer, BatchKind, FromWorker, QueryKind, Queries, ToWorker } from './messages.ts';

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  cancel(): void;
  onBatch?(rows: ColumnData): void;
}

/** The table's side of its worker: queries out, answers in, in any order. The worker starts with the first query. */
export class TableWorker {
  #worker: Worker | undefined;
  #ended: Promise<void> | undefined;
  #isClosed = false;
  #lastId = 0;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onPlaced: (placement: Placement) => void;

  /** @param onPlaced told where each thread that it starts runs */
  constructor(onPlaced: (placement: Placement) => void = () => undefined) {
    this.#onPlaced = onPlaced;
  }

  /** Asks one query. An aborted signal ends its walk at the next block, and the promise rejects with CANCELLED. */
  async ask<Kind extends Exclude<QueryKind, BatchKind>>(
    kind: Kind,
    ask: Queries[Kind]['ask'],
    signal?: AbortSignal,
  ): Promise<Queries[Kind]['answer']> {
    const { answer } = this.#send(kind, ask, signal);
    return (await answer) as Queries[Kind]['answer'];
  }

  /** The batches of a collection. Ends without an error when the signal aborts; a reader that stops ends the walk. */
  async *batches<Kind extends BatchKind>(
    kind: Kind,
    ask: Queries[Kind]['ask'],
    signal?: AbortSignal,
  ): AsyncGenerator<ColumnData, void, void> {
    const batches: ColumnData[] = [];
    let wake = (): void => {};
    let outcome: { error?: unknown } | undefined;
    const { id, answer, cancel } = this.#send(kind, ask, signal, (rows) => {
      batches.push(rows);
      wake();
    });
    const settled = answer
      .then(
        () => {
          outcome = {};
        },
        (error: unknown) => {
          outcome = { error };
        },
      )
      .then(() => wake());
    try {
      for (;;) {
        const rows = batches.shift();
        if (rows) {
          this.#post({ id, kind: 'more' });
          yield rows;
        } else if (outcome) {
          if ('error' in outcome && !signal?.aborted) throw outcome.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      cancel();
      await settled;
    }
  }

  /** Ends the worker, a walk at its next block; queries that wait are rejected with CANCELLED. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#worker) return;
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#fail(new FleetError('CANCELLED', 'The table was closed.'));
    this.#worker.ref();
    this.#post({ kind: 'close' });
    await this.#ended;
  }

  #send<Kind extends QueryKind>(
    kind: Kind,
    ask: Queries[Kind]['ask'],
    signal?: AbortSignal,
    onBatch?: (rows: ColumnData) => void,
  ): { id: number; answer: Promise<Answer>; cancel(): void } {
    const id = ++this.#lastId;
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const cancel = (): void => {
      Atomics.store(cancelled, 0, 1);
      if (onBatch) this.#post({ id, kind: 'more' });
    };
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    const answer = new Promise<Answer>((resolve, reject) => {
      if (this.#isClosed) throw new FleetError('CANCELLED', 'The table was closed.');
      const worker = this.#start();
      this.#waiting.set(id, { resolve, reject, cancel, onBatch });
      worker.ref();
      worker.postMessage({ id, kind, ask, cancelled } as ToWorker);
    }).finally(() => signal?.removeEventListener('abort', cancel));
    return { id, answer, cancel };
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    // Run from source the worker is TypeScript too; run from build it is not.
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    // With trackUnmanagedFds Node would close sockets that it did not open itself.
    const worker = new Worker(file, { trackUnmanagedFds: false });
    this.#worker = worker;
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', (error) => this.#fail(error));
    this.#ended = new Promise((resolve) =>
      worker.once('exit', () => {
        if (this.#worker === worker) this.#worker = undefined;
        this.#fail(new FleetError('UNAVAILABLE', 'The table reader thread ended. Try again.'));
        resolve();
      }),
    );
    return worker;
  }

  #receive(message: FromWorker): void {
    if (message.kind === 'placed') return this.#onPlaced(message.placement);
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === 'batch') return waiting.onBatch?.(message.rows);
    this.#waiting.delete(message.id);
    // An idle worker does not keep the program alive.
    if (this.#waiting.size === 0) this.#worker?.unref();
    if (message.kind === 'answer') waiting.resolve(message.answer);
    else waiting.reject(new FleetError(message.code, message.message, message.fields));
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }
}
