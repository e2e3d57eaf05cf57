import type { ConntrackTable, CpuCounters } from '../conntrack/table.ts';
import type { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import type { Collector } from './collector.ts';

/** How full the table is, and the kernel's per-CPU counters. Throws CAPABILITY_MISSING where there is no table. */
export function tableCounters(table: ConntrackTable): Collector {
  return {
    name: 'counters',
    isNeeded: true,
    async collect() {
      const { count, max, buckets, cpus } = await table.counters();
      return {
        count: BigInt(count),
        max: max === undefined ? undefined : BigInt(max),
        buckets: buckets === undefined ? undefined : BigInt(buckets),
        cpus: cpus.map(toWireCpu),
      };
    },
  };
}

function toWireCpu({ cpu, ...counters }: CpuCounters): Sample['cpus'][number] {
  return { cpu, ...Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, BigInt(value)])) };
}
