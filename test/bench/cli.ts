/**
 * `ctfleet flows list` beside what one types without it: `npm run bench -- cli [--json] [--runs 7] [--gateways 20] [--flows 2000]`.
 * Needs root. 50 rows of one destination over all gateways, from the start of the program to its end, against OpenSSH to all gateways in
 * parallel with `conntrack -L | grep`, all on this one machine. Runs alternate, medians count. And how long the program takes to start.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { routes } from '../../proto/http/routes.ts';
import { bundleCli } from '../../tools/bundle-cli.ts';
import { runIn } from '../lab/namespace.ts';
import { Namespace } from '../support/namespace.ts';
import { SshServers } from '../support/ssh-servers.ts';
import { startTestSystem, until } from '../support/system.ts';

const ROWS = 50;
const SSH_PORT = 22;
/** A controller and agents run for weeks, so their hot paths are compiled by then; both programs are new each time, as anywhere. */
const WARM_UPS = 3;
/** Of a program that people start many times an hour. */
const MAX_START_MS = 150;
const WANTED = '203.0.113.99';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    runs: { type: 'string', default: '7' },
    gateways: { type: 'string', default: '20' },
    flows: { type: 'string', default: '2000' },
  },
});
const [runs, gateways, flows] = [Number(options.runs), Number(options.gateways), Number(options.flows)];
const why = Namespace.why();
if (why) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}
const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-bench-'));
const program = path.join(folder, 'ctfleet.mjs');
const numbers = Array.from({ length: gateways }, (_, index) => index + 1);
const { system, end } = await startTestSystem({ gateways, withTraffic: false });
const lab = system.lab!;
const places = numbers.map((n) => ({ namespace: lab.names.gateway(n), address: `fd42:c7f1::${(256 + n).toString(16)}` }));
const servers = new SshServers('openssh', SSH_PORT, places);
const times: Record<'start' | 'ours' | 'theirs', number[]> = { start: [], ours: [], theirs: [] };
let hasMissed = false;
try {
  await bundleCli(program);
  const table = path.join(folder, 'table');
  places.forEach(({ namespace }, index) => {
    writeFileSync(table, entries(index));
    runIn(namespace, 'conntrack', ['-R', table]);
  });
  const { secret } = await system.api.call(routes.createToken, { body: { name: 'benchmark', role: 'operator' } });
  const env = { ...process.env, CTFLEET_URL: system.apiUrl, CTFLEET_TOKEN: secret };
  await until('every ssh server answers', async () => ((await byHand().catch(() => 0)) === ROWS ? true : undefined));
  for (let run = -WARM_UPS; run < runs; run++) {
    const start = await timed(() => ctfleet(env, 'version'));
    const ours = await timed(async () => check(lines(await ctfleet(env, 'flows', 'list', '-d', WANTED, '--no-headers')), 'ctfleet'));
    const theirs = await timed(async () => check(await byHand(), 'ssh'));
    if (run < 0) continue;
    times.start.push(start);
    times.ours.push(ours);
    times.theirs.push(theirs);
  }
} finally {
  servers.close();
  await end();
  rmSync(folder, { recursive: true });
}
const size = `${ROWS} rows over ${gateways} gateways of ${flows} flows`;
const [ours, theirs, start] = [median(times.ours), median(times.theirs), median(times.start)];
report({ name: 'from the start of the program to its end', size, ours, theirs, ratio: ours / theirs, target: 1, ok: ours <= theirs });
report({
  name: 'start of the program',
  size: 'version',
  ours: start,
  theirs: null,
  ratio: null,
  target: MAX_START_MS,
  ok: start <= MAX_START_MS,
});
process.exit(hasMissed ? 1 : 0);

/** The table of one gateway, as `conntrack -R` reads it: the wanted flows are spread over all. */
function entries(index: number): string {
  const wanted = Math.floor((ROWS * (index + 1)) / gateways) - Math.floor((ROWS * index) / gateways);
  const line = (n: number): string => {
    const [src, dst] = [`10.${index + 1}.${n >> 8}.${n & 255}`, n < wanted ? WANTED : '203.0.113.7'];
    const orig = `-s ${src} -d ${dst} --sport ${1024 + n} --dport 5060`;
    const reply = `-r ${dst} -q ${src} --reply-port-src 5060 --reply-port-dst ${1024 + n}`;
    return `-A -p udp ${orig} ${reply} -t 3600 -u SEEN_REPLY\n`;
  };
  return Array.from({ length: flows }, (_, n) => line(n)).join('');
}

async function ctfleet(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [program, ...args], { env })).stdout;
}

/** To all gateways at once; how many flows that found. */
async function byHand(): Promise<number> {
  const command = ['/usr/sbin/conntrack', '-L', '2>/dev/null', '|', 'grep', WANTED];
  const texts = await Promise.all(places.map(({ address }) => servers.run(lab.names.control, address, command)));
  return texts.reduce((sum, text) => sum + lines(text), 0);
}

function lines(text: string): number {
  return text.split('\n').filter(Boolean).length;
}

function check(found: number, who: string): void {
  if (found !== ROWS) throw new Error(`${who} found ${found} flows, and there are ${ROWS}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function report(row: {
  name: string;
  size: string;
  ours: number;
  theirs: number | null;
  ratio: number | null;
  target: number;
  ok: boolean;
}): void {
  hasMissed ||= !row.ok;
  const rounded = {
    ...row,
    ours: Math.round(row.ours),
    theirs: row.theirs && Math.round(row.theirs),
    ratio: row.ratio && Number(row.ratio.toFixed(2)),
  };
  if (options.json) return console.log(JSON.stringify({ bench: 'cli', ...rounded }));
  const beside = rounded.theirs === null ? '' : ` beside ${rounded.theirs} ms of ssh`;
  const verdict = `${row.ok ? 'within' : 'MISSES'} ${row.target}${row.theirs === null ? ' ms' : ' of it'}`;
  console.log(`${row.name} (${row.size}): ${rounded.ours} ms${beside}, ${verdict}`);
}
