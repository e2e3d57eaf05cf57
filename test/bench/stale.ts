/**
 * The stale verdict over a whole table, under 300 rules, beside the walk of the same table that it needs anyway: `npm run bench -- stale
 * [--json] [--sizes 100000,1000000] [--runs 5]`. Runs alternate, medians count. Needs root. A table of a million needs the machine's
 * nf_conntrack_max, which is for its owner to set; `--raise-max` sets it for the duration of the run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { parseAddress } from '../../proto/model/address.ts';
import { EVERYTHING, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { createEntries } from '../support/create-entries.ts';
import { Namespace } from '../support/namespace.ts';
import { gatewayEntries } from './gateway-entries.ts';
import { LINKS, LINKS6, ruleset, RULES } from './stale-gateway-rules.ts';

const MAX = '/proc/sys/net/netfilter/nf_conntrack_max';
const TARGET = 1.6;
/** The first question reads the rules; a running agent has already done that. */
const WARM_UP = 10;
const STALE: FlowFilter = { kind: 'term', field: 'stale', match: { kind: 'glob', pattern: 'yes' } };
const wan = (n: 1 | 2, ...addresses: string[]): FlowContext['wans'][number] => ({
  name: `wan${n}`,
  interface: `wan${n}`,
  isUp: true,
  addresses: addresses.map((text) => parseAddress(text)!),
  ...(n === 1 && { routeLostAtMs: Date.now() }),
});
const CONTEXT: FlowContext = {
  wans: [wan(1, '198.18.0.12', '198.18.0.13', '2001:db8:18::12'), wan(2, '198.19.0.12', '2001:db8:19::12')],
  protections: [],
};

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    sizes: { type: 'string', default: '100000,1000000' },
    runs: { type: 'string', default: '5' },
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
  if (max < size) writeFileSync(MAX, String(Math.ceil(size * 1.1)));
  const namespace = Namespace.create('cts-bench');
  const leave = namespace.enter();
  const table = new KernelTable();
  try {
    for (const line of LINKS) namespace.run('ip', ...line.split(' '));
    for (const line of LINKS6) namespace.run('ip', '-6', ...line.split(' '));
    for (const name of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']) namespace.sysctl(name, 1);
    namespace.nft(ruleset());
    createEntries(gatewayEntries(size));
    const asked = async (filter: FlowFilter): Promise<{ ms: number; total: number }> => {
      const began = performance.now();
      const { total, tableCount } = await table.search({ filter, context: CONTEXT, limit: 0 });
      if (tableCount !== size) throw new Error(`${tableCount} entries instead of ${size}`);
      return { ms: performance.now() - began, total };
    };
    let total = 0;
    for (let run = 0; run < WARM_UP; run++) {
      await asked(EVERYTHING);
      ({ total } = await asked(STALE));
    }
    if (total === 0) throw new Error('nothing is stale, so nothing was judged');
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let run = 0; run < Number(options.runs); run++) {
      for (const isOurs of run % 2 === 0 ? [true, false] : [false, true])
        (isOurs ? ours : theirs).push((await asked(isOurs ? STALE : EVERYTHING)).ms);
    }
    report(`which flows are stale, under ${RULES} rules, against the walk alone`, size, median(ours), median(theirs), total);
  } finally {
    await table.close();
    leave();
    namespace.remove();
    if (max < size) writeFileSync(MAX, String(max));
  }
}

function report(name: string, size: number, ours: number, theirs: number, stale: number): void {
  const ratio = ours / theirs;
  const ok = ratio <= TARGET;
  if (!ok) missed++;
  const rounded = (value: number): number => Number(value.toPrecision(4));
  if (options.json)
    return console.log(
      JSON.stringify({
        bench: 'stale',
        name,
        size,
        ours: rounded(ours),
        theirs: rounded(theirs),
        ratio: rounded(ratio),
        target: TARGET,
        ok,
      }),
    );
  console.log(
    `${String(size).padStart(8)}  ${name}  ours ${ours.toFixed(2)} ms  theirs ${theirs.toFixed(2)} ms  ratio ${ratio.toFixed(3)}  ${ok ? 'within' : 'MISSES'} ${TARGET}; ${stale} are stale`,
  );
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
