/**
 * The agent's table against the conntrack program on the same entries: `npm run bench -- engine [--json] [--sizes 10000,100000,1000000]
 * [--runs 5] [--only WORDS]`. `--only` times just the comparisons whose names contain these words. Ours runs warm in this process, theirs
 * as whole processes, as people run it; both at the worker's priority. Runs alternate, medians count. Needs root. A table of a million
 * needs the machine's nf_conntrack_max, which is for its owner to set; `--raise-max` sets it for the duration of the run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { Namespace } from '../support/namespace.ts';
import { createEntries } from '../support/create-entries.ts';
import { emptyTable } from '../support/empty-table.ts';
import { CONTEXT, engineCases, type Case } from './engine-cases.ts';
import { OperatorWay } from './operator-way.ts';
import { gatewayEntries } from './gateway-entries.ts';
import { AT_ONCE, limitsOfEvents, limitsOfReading, type Limit } from './engine-limits.ts';

const MAX = '/proc/sys/net/netfilter/nf_conntrack_max';
/** Rows for tables smaller than this are shown and not judged: there the hash buckets cost more than the entries. */
const JUDGED = 100_000;

interface Row {
  name: string;
  size: number;
  ours: number;
  theirs: number | null;
  ratio: number | null;
  target: number;
  ok: boolean;
}

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    sizes: { type: 'string', default: '10000,100000,1000000' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    'raise-max': { type: 'boolean', default: false },
  },
});
const why = Namespace.why();
if (why) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}
let missed = 0;
for (const size of options.sizes.split(',').map(Number)) await compare(size);
process.exitCode = missed > 0 ? 1 : 0;

async function compare(size: number): Promise<void> {
  const max = Number(readFileSync(MAX, 'latin1'));
  if (max < size && !options['raise-max']) {
    console.error(`skipped: ${size} entries, because nf_conntrack_max of this machine is ${max}. Raise it, or run with --raise-max.`);
    return;
  }
  const lower = max < size ? raiseMax(size, max) : () => undefined;
  const namespace = Namespace.create('cte-bench');
  const leave = namespace.enter();
  const table = new KernelTable();
  const operator = new OperatorWay(table, CONTEXT);
  try {
    createEntries(gatewayEntries(size));
    const { count } = await table.counters();
    if (count !== size) throw new Error(`${count} entries instead of ${size}`);
    if (options.only === '') for (const limit of await limitsOfReading(table)) reportLimit(limit, size);
    for (const one of engineCases(table, operator, size).filter(({ name }) => name.includes(options.only))) {
      const { ours, theirs } = await timed(one, Number(options.runs));
      report({ name: one.name, size, ours, theirs, ratio: ours / theirs, target: one.target, ok: ours / theirs <= one.target });
    }
    if (options.only !== '') return;
    emptyTable();
    for (const limit of await limitsOfEvents(table, gatewayEntries(Math.min(size, AT_ONCE)))) reportLimit(limit, size);
  } finally {
    operator.close();
    await table.close();
    leave();
    namespace.remove();
    lower();
  }
}

/** Medians in milliseconds. Both sides must have found or ended the same number of flows. */
async function timed({ name, calls = 1, prepare, ours, theirs, restore }: Case, runs: number): Promise<{ ours: number; theirs: number }> {
  const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  await prepare?.();
  await ours();
  restore?.();
  for (let run = 0; run < runs; run++) {
    const flows: number[] = [];
    for (const side of run % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) {
      if (side === 'ours') await prepare?.();
      const began = performance.now();
      if (side === 'ours') for (let call = 1; call < calls; call++) await ours();
      flows.push(await (side === 'ours' ? ours() : theirs()));
      times[side].push((performance.now() - began) / (side === 'ours' ? calls : 1));
      restore?.();
    }
    if (flows[0] !== flows[1]) throw new Error(`${name}: ${flows.join(' and ')} flows are not the same`);
  }
  return { ours: median(times.ours), theirs: median(times.theirs) };
}

function reportLimit({ name, ours, target, isLeast = false }: Limit, size: number): void {
  report({ name, size, ours, theirs: null, ratio: null, target, ok: isLeast ? ours >= target : ours <= target });
}

function report({ name, size, ours, theirs, ratio, target, ok }: Row): void {
  if (!ok && size >= JUDGED) missed++;
  if (options.json)
    return console.log(
      JSON.stringify({
        bench: 'engine',
        name,
        size,
        ours: rounded(ours),
        theirs: theirs === null ? null : rounded(theirs),
        ratio: ratio === null ? null : rounded(ratio),
        target,
        ok,
      }),
    );
  const measured =
    ratio === null || theirs === null
      ? `      ${ours.toFixed(2).padStart(9)}`
      : `ours ${ours.toFixed(2).padStart(9)} ms  theirs ${theirs.toFixed(2).padStart(9)} ms  ratio ${ratio.toFixed(4)}`;
  console.log(`${String(size).padStart(8)}  ${name.padEnd(58)} ${measured}  ${ok ? 'within' : 'MISSES'} ${target}`);
}

/** Lets tables hold this many entries, and returns how to undo that. */
function raiseMax(size: number, before: number): () => void {
  writeFileSync(MAX, String(Math.ceil(size * 1.1)));
  return () => writeFileSync(MAX, String(before));
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
