/**
 * A flush on 20 gateways against what people do today: ssh to all of them at once, running `conntrack -D` with the same filter. `npm run
 * bench -- bulk-flush [--json] [--gateways 20] [--entries 10000] [--runs 3]`. Needs root. Both use the same management network to the same
 * gateways, with OpenSSH and with dropbear. Ours is timed to the verified end, from the first click (a plan) and from the click that runs
 * it; theirs until the last ssh has ended, which proves no more than that.
 */
import { parseArgs } from 'node:util';
import { type Flush } from '../../proto/http/flushes.ts';
import { subscribe } from '../../client/subscribe.ts';
import { routes } from '../../proto/http/routes.ts';
import { IPS } from '../../proto/model/status.ts';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import { clientAddress, externalAddress } from '../lab/topology.ts';
import { createEntries } from '../support/create-entries.ts';
import { enterNamespace } from '../support/namespace.ts';
import { entryOf } from '../support/sample-entries.ts';
import { SSH_SERVERS, SshServers, type SshServer } from '../support/ssh-servers.ts';
import { startTestSystem } from '../support/system.ts';

const PHONE_PORT = 5060;
const FILTER = `proto:udp dport:${PHONE_PORT}`;
const THEIR_FILTER = ['-p', 'udp', '--orig-port-dst', String(PHONE_PORT)];
/** One entry in this many is flushed. */
const ONE_IN = 10;
const TARGET = 1;
/** An agent and a controller run for weeks, so their hot paths are compiled by then; every ssh is a new program, as it is anywhere. */
const WARM_UPS = 15;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    gateways: { type: 'string', default: '20' },
    entries: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '3' },
  },
});
const [gateways, entries, runs] = [options.gateways, options.entries, options.runs].map(Number) as [number, number, number];
const numbers = Array.from({ length: gateways }, (_, index) => index + 1);
const servers = new Map<SshServer, SshServers>();
const { system, end } = await startTestSystem({ gateways, withTraffic: false, guard: 'mostPercentOfTable: 100' });
try {
  const lab = system.lab!;
  SSH_SERVERS.forEach((server, index) =>
    servers.set(
      server,
      new SshServers(
        server,
        22 + index,
        numbers.map((n) => ({ namespace: lab.names.gateway(n), address: managementAddress(n) })),
      ),
    ),
  );
  // Anyone with ssh to all gateways needs no approval either.
  for (const { id } of (await system.api.call(routes.listTenants)).items)
    await system.api.call(routes.updateLimits, { params: { id }, body: { flows: null } });
  /** Each returns how many flows it ended. */
  const ways = new Map<string, () => Promise<number>>([
    ['ours', ours],
    ...SSH_SERVERS.flatMap((server): [string, () => Promise<number>][] => [
      [`ssh to all at once (${server}) that deletes`, () => ssh(server, '-D')],
      [`ssh to all at once (${server}) that lists, deletes, and lists again`, () => careful(server)],
    ]),
  ]);
  const times = new Map([...ways.keys()].map((way) => [way, [] as number[]]));
  /** The stages of ours: the plan, the command to run it, and from there to the verified end. */
  const parts = { plan: [] as number[], run: [] as number[], verify: [] as number[] };
  for (let warm = 0; warm < WARM_UPS; warm++) {
    fill(warm === 0);
    await ours();
  }
  Object.values(parts).forEach((list) => list.splice(0));
  for (let run = 0; run < runs; run++) {
    for (const [way, go] of run % 2 === 0 ? ways : [...ways].toReversed()) {
      fill(false);
      const began = performance.now();
      const ended = await go();
      times.get(way)!.push(performance.now() - began);
      if (ended !== (gateways * entries) / ONE_IN)
        throw new Error(`${way} ended ${ended} flows instead of ${(gateways * entries) / ONE_IN}`);
    }
  }
  const took = median(times.get('ours')!);
  console.error(
    `ours: ${Math.round(median(parts.plan))} ms to the plan, ${Math.round(median(parts.run))} ms to run it, ${Math.round(median(parts.verify))} ms to the verified end`,
  );
  const fromRun = median(parts.run) + median(parts.verify);
  for (const [way, theirs] of times) {
    if (way === 'ours') continue;
    report(`from the first click, plan and all, to verified, against ${way}`, took, median(theirs));
    report(`from the click that runs the plan to verified, against ${way}`, fromRun, median(theirs));
  }

  /** Refills every table to the same contents: everything at first, then what was flushed. */
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

  /** The flush once it has ended, awaited as the console awaits it. */
  async function ended(flushId: string): Promise<Flush> {
    return new Promise((resolve, reject) => {
      const stop = subscribe(
        system.api.client,
        routes.watchFlush,
        { params: { id: flushId } },
        {
          now: Date.now,
          onState: (state) => {
            if (state.kind === 'refused') reject(state.error);
          },
          onEvent: (event) => {
            if (event.kind !== 'flush' || event.flush.state === 'running') return;
            stop();
            resolve(event.flush);
          },
        },
      );
    });
  }

  /** What somebody does who wants to know what will be deleted, and whether it was. */
  async function careful(server: SshServer): Promise<number> {
    await ssh(server, '-L');
    const deleted = await ssh(server, '-D');
    if ((await ssh(server, '-L')) !== 0) throw new Error('some flows were left');
    return deleted;
  }

  /** All at once, each over a connection of its own; returns the flows that were listed or deleted. */
  async function ssh(server: SshServer, verb: '-L' | '-D'): Promise<number> {
    const counts = await Promise.all(
      numbers.map(async (n) => {
        const text = await servers
          .get(server)!
          .run(lab.names.control, managementAddress(n), ['/usr/sbin/conntrack', verb, ...THEIR_FILTER, '2>&1', '>/dev/null']);
        return Number(/(\d+) flow entries have been/.exec(text)?.[1] ?? Number.NaN);
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }
} finally {
  servers.forEach((server) => server.close());
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
      proto: 17,
      orig: {
        src: clientAddress(n, index % 4000),
        dst: `198.51.100.${1 + (index % 200)}`,
        sport: 1024 + index,
        dport: isPhone ? PHONE_PORT : 4000,
      },
      reply: { dst: externalAddress(n, 1) },
      status: IPS.SEEN_REPLY | IPS.ASSURED | IPS.SRC_NAT,
      timeoutSeconds: 3000,
    });
  }
}

function report(what: string, ours: number, theirs: number): void {
  const ratio = ours / theirs;
  const row = {
    bench: 'bulk-flush',
    name: `flush on ${gateways} gateways, ${what}`,
    size: gateways * entries,
    ours: Math.round(ours),
    theirs: Math.round(theirs),
    ratio: Number(ratio.toPrecision(4)),
    target: TARGET,
    ok: ratio <= TARGET,
  };
  console.log(
    options.json
      ? JSON.stringify(row)
      : `${String(row.size).padStart(8)}  ${row.name}  ours ${row.ours} ms  theirs ${row.theirs} ms  ratio ${ratio.toFixed(4)}  ${row.ok ? 'within' : 'MISSES'} ${TARGET}`,
  );
  if (!row.ok) process.exitCode = 1;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
