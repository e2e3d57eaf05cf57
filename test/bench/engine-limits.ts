import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { TableEvents } from '../../agent/conntrack/events/table-events.ts';
import type { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import { EVERYTHING } from '../../proto/model/filter/filter.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { createEntries } from '../support/create-entries.ts';
import { emptyTable } from '../support/empty-table.ts';

const SNAPSHOTS = 4;
const CONTEXT = { wans: [], protections: [] };

/** Measurements held to an absolute limit and not to another program; `isLeast` where more is better. */
export interface Limit {
  name: string;
  ours: number;
  target: number;
  isLeast?: boolean;
}

/** The main thread's delay, the memory, and how long a CPU is held while the table is read a few times. */
export async function limitsOfReading(table: KernelTable): Promise<Limit[]> {
  await table.counters();
  collectGarbage();
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let taken = 0; taken < SNAPSHOTS; taken++) await read(table);
  delay.disable();
  clearInterval(watch);
  const stall = await longestStall(() => read(table));
  return [
    { name: 'delay of the main thread while the table is read, p99, ms', ours: delay.percentile(99) / 1e6, target: 5 },
    { name: 'growth of memory, MB', ours: (most - before) / 1e6, target: 200 },
    ...(stall === undefined ? [] : [{ name: 'longest that a CPU was held while the table was read, ms', ours: stall, target: 5 }]),
  ];
}

/** As many events as the receive buffer holds: 64 MB, doubled by the kernel, at 1,280 bytes each. */
export const AT_ONCE = 100_000;

/**
 * The kernel flushes a buffer full of entries, which no program can do faster, while events are received: so the receiving is measured, and
 * not whatever ends the entries. Leaves the table empty.
 */
export async function limitsOfEvents(table: KernelTable, entries: Iterable<NewEntry>): Promise<Limit[]> {
  const before = threads();
  const events = await TableEvents.open();
  try {
    // Node starts threads of its own with a worker; they are idle, and do not matter.
    const started = threads().filter((thread) => !before.includes(thread));
    createEntries(entries);
    const { count } = await table.counters();
    if (count > AT_ONCE) throw new Error(`${count} events do not fit the buffer`);
    await heard(events, 'born', count);
    const usedBefore = sum(started.map(cpuMicroseconds));
    const began = performance.now();
    emptyTable();
    await heard(events, 'ended', count);
    const seconds = (performance.now() - began) / 1000;
    return [
      { name: 'events heard a second, none lost', ours: count / seconds, target: 150_000, isLeast: true },
      {
        name: 'CPU time of an event in the thread that hears them, µs',
        ours: (sum(started.map(cpuMicroseconds)) - usedBefore) / count,
        target: 4,
      },
    ];
  } finally {
    await events.close();
  }
}

async function heard(events: TableEvents, what: 'born' | 'ended', count: number): Promise<void> {
  for (const began = performance.now(); events.totals()[what] < count; await new Promise((resolve) => setTimeout(resolve, 1))) {
    const { overflows, [what]: known } = events.totals();
    if (overflows > 0 || performance.now() - began > 60_000)
      throw new Error(`${known} of ${count} events were heard, ${overflows} overflows`);
  }
}

/** The threads of this process. */
function threads(): string[] {
  return readdirSync('/proc/self/task');
}

/** The CPU time that a thread has used; 0 for one that has ended. */
function cpuMicroseconds(thread: string): number {
  try {
    return Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1000;
  } catch {
    return 0;
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function read(table: KernelTable): Promise<void> {
  await table.search({ filter: EVERYTHING, context: CONTEXT, limit: 100, withFacets: true });
}

/**
 * The median over a few runs, in milliseconds, of the longest time during which no other thread could run on some CPU; undefined without
 * permission to set such a priority.
 */
async function longestStall(work: () => Promise<void>): Promise<number | undefined> {
  const probes = Array.from({ length: availableParallelism() }, (_, cpu) => {
    const memory = new SharedArrayBuffer(16);
    const worker = new Worker(new URL('./stall-probe.ts', import.meta.url), { workerData: { cpu, memory } });
    // A probe without permission ends before anybody waits for it.
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    return { flags: new Int32Array(memory), worker, ended };
  });
  try {
    const ready = await Promise.all(
      probes.map(
        ({ worker }) => new Promise<boolean>((resolve) => worker.once('message', ({ isReady }: { isReady: boolean }) => resolve(isReady))),
      ),
    );
    if (ready.includes(false)) return undefined;
    const longest: number[] = [];
    for (let run = 0; run < SNAPSHOTS + 1; run++) {
      for (const { flags } of probes) Atomics.store(flags, 2, 1);
      await work();
      longest.push(Math.max(...probes.map(({ flags }) => Atomics.load(flags, 3) / 1000)));
    }
    return longest.sort((a, b) => a - b)[longest.length >> 1];
  } finally {
    for (const { flags } of probes) Atomics.store(flags, 0, 1);
    await Promise.all(probes.map(({ ended }) => ended));
  }
}
