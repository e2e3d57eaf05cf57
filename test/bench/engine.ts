/**
 * The agent's table against the conntrack program on the same entries: `node test/bench/engine.ts [--json] [--sizes 10000,100000] [--runs 5]`.
 * Ours runs warm in this process, theirs as whole processes, as people run it; runs alternate, medians count. Needs root.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { KernelTable } from '../../agent/conntrack/kernel-table.ts';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';
import { createEntries } from '../support/create-entries.ts';
import { Namespace } from '../support/namespace.ts';
import { BUSY_HOST, BUSY_PREFIX, gatewayEntries } from './gateway-entries.ts';

interface Case {
  name: string;
  /** Most that ours may take, as a share of theirs. */
  target: number;
  /** Calls in one run of ours, of which the mean counts; for what takes microseconds. */
  calls?: number;
  /** Puts back what the run before ended; not timed. */
  prepare?(): Promise<void>;
  ours(): Promise<number>;
  theirs(): number;
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean' }, sizes: { type: 'string', default: '10000,100000' }, runs: { type: 'string', default: '5' } } });
const why = Namespace.why();
if (why) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}
for (const size of options.sizes.split(',').map(Number)) await compare(size);

async function compare(size: number): Promise<void> {
  const namespace = Namespace.create('cta-bench');
  const leave = namespace.enter();
  const table = new KernelTable();
  try {
    const entries = gatewayEntries(size);
    createEntries(entries);
    const { count } = await table.counters();
    if (count !== size) throw new Error(`${count} entries instead of ${size}`);
    for (const one of cases(table, entries)) report(size, one, await timed(one, Number(options.runs)));
  } finally {
    await table.close();
    leave();
    namespace.remove();
  }
}

function cases(table: KernelTable, entries: NewEntry[]): Case[] {
  const context = { wans: [{ name: 'wan1', addresses: [Uint8Array.of(198, 18, 0, 12), Uint8Array.of(198, 18, 0, 13)] }, { name: 'wan2', addresses: [Uint8Array.of(198, 19, 0, 12)] }], protections: [] };
  const host = filterOf(`host:${BUSY_HOST}`);
  const source = filterOf(`src:${BUSY_HOST}`);
  const prefix = filterOf(`src:${BUSY_PREFIX}`);
  const collect = async (filter: FlowFilter): Promise<Flow[]> => {
    const flows: Flow[] = [];
    for await (const batch of table.collect({ filter, context })) flows.push(...batch);
    return flows;
  };
  const ended = async (flows: Flow[]): Promise<number> => (await table.delete(flows)).filter((outcome) => outcome === 'deleted').length;
  const refill = async (): Promise<void> => {
    shell('conntrack -F');
    createEntries(entries);
  };
  let planned: Flow[] = [];
  return [
    {
      name: 'search by host, either side, first 100 rows', target: 0.6,
      ours: async () => (await table.search({ filter: host, context, limit: 100, withFacets: true })).total,
      theirs: () => Number(shell(`conntrack -L 2>/dev/null | grep -cwF ${BUSY_HOST}`)),
    },
    {
      name: 'states, protocols, WANs and top sources', target: 0.5,
      ours: async () => (await table.breakdown(context)).walked,
      theirs: () => Number(shell(`conntrack -L 2>/dev/null | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^src=/) { print $i; break } }' | sort | uniq -c | sort -rn | awk '{ n += $1 } END { print n }'`)),
    },
    {
      name: 'delete by host, from cold', target: 0.6, prepare: refill,
      ours: async () => ended(await collect(source)),
      theirs: () => deletedBy(`conntrack -D -s ${BUSY_HOST}`),
    },
    {
      name: 'delete by prefix (45 %), from cold', target: 0.6, prepare: refill,
      ours: async () => ended(await collect(prefix)),
      theirs: () => deletedBy(`conntrack -D -s ${BUSY_PREFIX}`),
    },
    {
      name: 'delete by prefix (45 %), planned before', target: 0.3,
      prepare: async () => {
        await refill();
        planned = await collect(prefix);
      },
      ours: () => ended(planned),
      theirs: () => deletedBy(`conntrack -D -s ${BUSY_PREFIX}`),
    },
    {
      name: 'count, maximum and counters of each CPU', target: 0.01, calls: 100,
      ours: async () => (await table.counters()).count,
      theirs: () => {
        shell('conntrack -S');
        return Number(shell('conntrack -C'));
      },
    },
  ];
}

/** Medians in milliseconds. Both sides must have found or ended the same number of flows. */
async function timed({ name, calls = 1, prepare, ours, theirs }: Case, runs: number): Promise<{ ours: number; theirs: number }> {
  const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  await prepare?.();
  await ours();
  for (let run = 0; run < runs; run++) {
    const flows: number[] = [];
    for (const side of run % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) {
      await prepare?.();
      const began = performance.now();
      if (side === 'ours') for (let call = 1; call < calls; call++) await ours();
      flows.push(await (side === 'ours' ? ours() : theirs()));
      times[side].push((performance.now() - began) / (side === 'ours' ? calls : 1));
    }
    if (flows[0] !== flows[1]) throw new Error(`${name}: ${flows.join(' and ')} flows are not the same`);
  }
  return { ours: median(times.ours), theirs: median(times.theirs) };
}

function report(size: number, { name, target }: Case, { ours, theirs }: { ours: number; theirs: number }): void {
  const ratio = ours / theirs;
  if (options.json) console.log(JSON.stringify({ bench: 'engine', name, size, ours: rounded(ours), theirs: rounded(theirs), ratio: rounded(ratio), target, ok: ratio <= target }));
  else console.log(`${String(size).padStart(8)}  ${name.padEnd(46)} ours ${ours.toFixed(2).padStart(9)} ms  conntrack ${theirs.toFixed(2).padStart(9)} ms  ratio ${ratio.toFixed(4)}  ${ratio <= target ? 'within' : 'OVER'} ${target}`);
}

function deletedBy(command: string): number {
  return Number(/(\d+) flow entries have been deleted/.exec(shell(`${command} 2>&1 >/dev/null`))?.[1]);
}

/** Processes that this thread starts are born in the namespace that it is in. */
function shell(command: string): string {
  return spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout;
}

function filterOf(text: string): FlowFilter {
  const parsed = parseFilter(text);
  if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem.message}`);
  return parsed.filter;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
