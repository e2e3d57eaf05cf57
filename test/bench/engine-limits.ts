import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { KernelTable } from '../../agent/conntrack/kernel-table.ts';
import { EVERYTHING } from '../../proto/model/filter/filter.ts';

const SNAPSHOTS = 4;

/** What is held to a number of its own and not to another program: the main thread's delay and the memory while the table is read a few times. */
export async function limitsOf(table: KernelTable): Promise<{ name: string; ours: number; target: number }[]> {
  const context = { wans: [], protections: [] };
  await table.counters();
  (globalThis as { gc?: () => void }).gc?.();
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => { most = Math.max(most, process.memoryUsage.rss()); }, 20);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let taken = 0; taken < SNAPSHOTS; taken++) await table.search({ filter: EVERYTHING, context, limit: 100, withFacets: true });
  delay.disable();
  clearInterval(watch);
  return [
    { name: 'delay of the main thread while the table is read, p99, ms', ours: delay.percentile(99) / 1e6, target: 5 },
    { name: 'growth of memory, MB', ours: (most - before) / 1e6, target: 200 },
  ];
}
