/**
 * A flush on 20 gateways against what people do today: ssh to all of them at once, running `conntrack -D` with the same filter.
 * `npm run bench -- bulk-flush [--json] [--gateways 20] [--entries 10000] [--runs 3]`. Needs root. Both go over the same management network to the
 * same gateways. Ours goes from the click (a plan) to the verified end; theirs until the last ssh has ended, which is all that it says.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { flushEvent, type Flush } from '../../proto/http/flushes.ts';
import { routes } from '../../proto/http/routes.ts';
import { IPS } from '../../proto/model/status.ts';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import { spawnIn } from '../lab/namespace.ts';
import { clientAddress, externalAddress } from '../lab/topology.ts';
import { createEntries } from '../support/create-entries.ts';
import { enterNamespace } from '../support/namespace.ts';
import { entryOf } from '../support/sample-entries.ts';
import { startTestSystem } from '../support/system.ts';

const PHONE_PORT = 5060;
const FILTER = `proto:udp dport:${PHONE_PORT}`;
const THEIR_FILTER = ['-p', 'udp', '--orig-port-dst', String(PHONE_PORT)];
/** One entry in so many is what is flushed. */
const ONE_IN = 10;
const TARGET = 1;
const WARM_UPS = 3;

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, gateways: { type: 'string', default: '20' }, entries: { type: 'string', default: '10000' }, runs: { type: 'string', default: '3' } },
});
const [gateways, entries, runs] = [options.gateways, options.entries, options.runs].map(Number) as [number, number, number];
const numbers = Array.from({ length: gateways }, (_, index) => index + 1);
const keys = mkdtempSync(path.join(tmpdir(), 'ctfleet-ssh-'));
const servers: ChildProcess[] = [];
const { system, end } = await startTestSystem({ gateways, withTraffic: false });
try {
  const lab = system.lab!;
  startSshServers();
  // Who has ssh to all gateways asks nobody either.
  for (const { id } of (await system.api.call(routes.listTenants)).items) await system.api.call(routes.updateLimits, { params: { id }, body: { flows: null } });
  const times = { ours: [] as number[], delete: [] as number[], careful: [] as number[] };
  /** What ours is made of: the plan, the command to run it, and from there to the verified end. */
  const parts = { plan: [] as number[], run: [] as number[], verify: [] as number[] };
  // Both once before it counts: these agents have just started, and a gateway's has run for weeks.
  for (let warm = 0; warm < WARM_UPS; warm++) {
    fill(warm === 0);
    await ours();
  }
  for (let run = 0; run < runs; run++) {
    for (const side of run % 2 === 0 ? (['ours', 'delete', 'careful'] as const) : (['careful', 'delete', 'ours'] as const)) {
      fill(false);
      const began = performance.now();
      const ended = await (side === 'ours' ? ours() : side === 'delete' ? ssh('-D') : careful());
      times[side].push(performance.now() - began);
      if (ended !== (gateways * entries) / ONE_IN) throw new Error(`${side} ended ${ended} flows instead of ${(gateways * entries) / ONE_IN}`);
    }
  }
  const took = median(times.ours);
  console.error(`ours: ${Math.round(median(parts.plan))} ms to the plan, ${Math.round(median(parts.run))} ms to have it run, ${Math.round(median(parts.verify))} ms to the verified end`);
  report('against ssh to all at once that deletes', took, median(times.delete));
  report('against ssh to all at once that lists, deletes, and lists again', took, median(times.careful));

  /** Every table holds the same again: all at first, then what was flushed. */
  function fill(isFirst: boolean): void {
    for (const n of numbers) {
      const leave = enterNamespace(lab.names.gateway(n));
      try {
        createEntries(tableOf(n, isFirst));
      } finally {
        leave();
      }
    }
  }

  /** From the click to the verified end, as the console does it. */
  async function ours(): Promise<number> {
    const began = performance.now();
    const plan = await system.api.call(routes.createPlan, { body: { filter: FILTER, reason: 'a benchmark' } });
    const planned = performance.now();
    const { flushId } = await system.api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest, waves: false } });
    const running = performance.now();
    const flush = await ended(flushId);
    parts.plan.push(planned - began);
    parts.run.push(running - planned);
    parts.verify.push(performance.now() - running);
    if (flush.state !== 'verified') throw new Error(`the flush ended ${flush.state}`);
    return flush.totals.deleted;
  }

  /** The flush once it is over, heard as the console hears it. */
  async function ended(flushId: string): Promise<Flush> {
    const answer = await system.api.send(routes.watchFlush, { params: { id: flushId } });
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split('\n');
      text = lines.pop()!;
      for (const line of lines) {
        if (!line.startsWith('data:')) continue;
        const event = flushEvent.parse(JSON.parse(line.slice('data:'.length)));
        if (event.kind === 'flush' && event.flush.state !== 'running') return event.flush;
      }
    }
    throw new Error('the stream of the flush ended before it did');
  }

  /** What somebody does who wants to know what will go, and whether it went. */
  async function careful(): Promise<number> {
    await ssh('-L');
    const deleted = await ssh('-D');
    if ((await ssh('-L')) !== 0) throw new Error('flows were left');
    return deleted;
  }

  /** All at once, each with a connection of its own; the flows that were listed or deleted. */
  async function ssh(verb: '-L' | '-D'): Promise<number> {
    const counts = await Promise.all(numbers.map((n) => new Promise<number>((resolve, reject) => {
      const child = spawnIn(lab.names.control, 'ssh', [
        '-i', path.join(keys, 'key'), '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', `root@${managementAddress(n)}`,
        '/usr/sbin/conntrack', verb, ...THEIR_FILTER, '2>&1', '>/dev/null',
      ], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.once('error', reject);
      child.once('close', () => resolve(Number(/(\d+) flow entries have been/.exec(text)?.[1] ?? Number.NaN)));
    })));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** A server with a key of this run in each gateway; root's home is an empty one of its own, so that the machine's is not touched. */
  function startSshServers(): void {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(keys, 'key')]);
    execFileSync('dropbearkey', ['-t', 'ed25519', '-f', path.join(keys, 'host')], { stdio: 'ignore' });
    for (const n of numbers) {
      servers.push(spawn('ip', ['netns', 'exec', lab.names.gateway(n), 'unshare', '--mount', 'sh', '-c',
        `cp ${keys}/key.pub /dev/shm/ctfleet-${process.pid}-${n} && mount -t tmpfs -o mode=700 none /root && mkdir -m 700 /root/.ssh && mv /dev/shm/ctfleet-${process.pid}-${n} /root/.ssh/authorized_keys && exec dropbear -F -s -r ${keys}/host -P /root/pid -p '[${managementAddress(n)}]:22'`], { stdio: ['ignore', 'ignore', 'ignore'] }));
    }
  }
} finally {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(keys, { recursive: true, force: true });
  await end();
}

function managementAddress(n: number): string {
  return `fd42:c7f1::${(256 + n).toString(16)}`;
}

function* tableOf(n: number, isWhole: boolean): Generator<NewEntry, void, void> {
  for (let index = 0; index < entries; index++) {
    const isPhone = index % ONE_IN === 0;
    if (!isPhone && !isWhole) continue;
    yield entryOf({
      proto: 17, orig: { src: clientAddress(n, index % 4000), dst: `198.51.100.${1 + (index % 200)}`, sport: 1024 + index, dport: isPhone ? PHONE_PORT : 4000 }, reply: { dst: externalAddress(n, 1) },
      status: IPS.SEEN_REPLY | IPS.ASSURED | IPS.SRC_NAT, timeoutSeconds: 3000,
    });
  }
}

function report(than: string, ours: number, theirs: number): void {
  const ratio = ours / theirs;
  const row = { bench: 'bulk-flush', name: `flush on ${gateways} gateways, from click to verified, ${than}`, size: gateways * entries, ours: Math.round(ours), theirs: Math.round(theirs), ratio: Number(ratio.toPrecision(4)), target: TARGET, ok: ratio <= TARGET };
  console.log(options.json ? JSON.stringify(row) : `${String(row.size).padStart(8)}  ${row.name}  ours ${row.ours} ms  theirs ${row.theirs} ms  ratio ${ratio.toFixed(4)}  ${row.ok ? 'within' : 'MISSES'} ${TARGET}`);
  if (!row.ok) process.exitCode = 1;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
