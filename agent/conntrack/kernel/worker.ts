import { parentPort } from 'node:worker_threads';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { ColumnData } from '../rows/columns.ts';
import { deleteEntries } from '../ctnetlink/delete.ts';
import { deleteExpectations, listExpectations } from '../ctnetlink/expectations.ts';
import { expireEntries } from '../ctnetlink/expire.ts';
import { kernelFeatures } from '../pushdown/features.ts';
import type { KernelFeature } from '../pushdown/kernel-filter.ts';
import { areThere } from '../ctnetlink/identity.ts';
import { restoreEntries } from '../ctnetlink/restore.ts';
import { KernelQueries } from './queries.ts';
import { KernelRules } from '../stale/kernel-rules.ts';
import { stepAside } from './placement.ts';
import { recentTimeouts } from '../idle/kernel-timeouts.ts';
import { BATCHES_AHEAD, type Answer, type FromWorker, type Request, type ToWorker } from './messages.ts';

/**
 * The thread that walks the kernel's table, so that a dump of a million entries (2.5 s) never delays the link. It answers one query at a
 * time, except that a collection gives way while it waits for its reader.
 */
if (!parentPort) throw new Error('worker.ts runs as a worker thread of worker-client.ts');
const port = parentPort;

send({ kind: 'placed', placement: stepAside() });

// The kernel's start times are of the machine's clock, so that is the one to compare them with.
let features: ReadonlySet<KernelFeature> = new Set();
void kernelFeatures().then((found) => (features = found));
const queries = new KernelQueries({
  now: Date.now,
  timeouts: recentTimeouts(Date.now),
  features: () => features,
  rules: new KernelRules(),
});
/** What to call when the reader of a collection has taken a batch. */
const readers = new Map<number, () => void>();

port.on('message', (message: ToWorker) => {
  if (message.kind === 'close') close();
  else if (message.kind === 'more') readers.get(message.id)?.();
  else void answer(message);
});

function close(): void {
  queries.close();
  port.close();
}

async function answer(request: Request): Promise<void> {
  const { id } = request;
  try {
    send({ id, kind: 'answer', answer: await answerTo(request) });
  } catch (error) {
    if (error instanceof FleetError) send({ id, kind: 'error', code: error.code, message: error.message, fields: error.fields });
    else send({ id, kind: 'error', code: 'INTERNAL', message: error instanceof Error ? error.message : String(error), fields: {} });
  }
}

async function answerTo(request: Request): Promise<Answer> {
  const checkpoint = (): void => {
    if (Atomics.load(request.cancelled, 0) === 1) throw new FleetError('CANCELLED', 'This walk of the table was cancelled.');
  };
  checkpoint();
  if (request.kind === 'search' || request.kind === 'collect') await queries.prepareRates(request.ask, checkpoint);
  switch (request.kind) {
    case 'search':
      return queries.search(request.ask, checkpoint);
    case 'breakdown':
      return queries.breakdown(request.ask, checkpoint);
    case 'effects':
      return queries.effects(request.ask, checkpoint);
    case 'delete': {
      queries.changed();
      return deleteEntries(request.ask);
    }
    case 'areThere':
      return areThere(request.ask);
    case 'expire': {
      queries.changed();
      return expireEntries(request.ask.keys, request.ask.seconds);
    }
    case 'restore': {
      queries.changed();
      return restoreEntries(request.ask);
    }
    case 'lookup':
      return queries.lookup(request.ask.keys, request.ask.context);
    case 'expectations':
      return listExpectations(request.ask.master);
    case 'deleteExpectations':
      return deleteExpectations(request.ask);
    case 'collect':
      return await sendBatches(request.id, queries.collect(request.ask, checkpoint), checkpoint);
  }
}

async function sendBatches(id: number, batches: Generator<ColumnData>, checkpoint: () => void): Promise<undefined> {
  let ahead = 0;
  let wake: (() => void) | undefined;
  readers.set(id, () => {
    ahead--;
    wake?.();
  });
  try {
    for (const rows of batches) {
      send(
        { id, kind: 'batch', rows },
        Object.values(rows.common).map((column) => column.buffer),
      );
      if (++ahead >= BATCHES_AHEAD)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      checkpoint();
    }
  } finally {
    readers.delete(id);
  }
}

function send(message: FromWorker, transferred: ArrayBuffer[] = []): void {
  port.postMessage(message, transferred);
}
