/**
 * What the controller's part of storing samples costs: decoding, clamping, one transaction for what came within 200 ms, beside one
 * transaction a gateway, as before: `npm run bench -- ingest [--gateways 10000] [--seconds 20] [--json] [--unjudged]`. Samples
 * are judged for alerts too, unless it is to be seen what that costs. Streams and TLS are not in it.
 * Postgres syncs to disk. "Stored" is when the transaction has ended: from then on the API shows it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startTestPostgres } from '../support/database.ts';
import { cpuSeconds, messagesOf, openWays, type Way } from './ingest-ways.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    gateways: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '20' },
    unjudged: { type: 'boolean' },
  },
});
const [gateways, seconds] = [Number(options.gateways), Number(options.seconds)];
/** Samples in a message after two minutes without a link. */
const SPOOLED = 12;
const PER_SECOND = gateways / 10;

interface Row {
  name: string;
  size: number;
  ours: number;
  theirs?: number;
  ratio?: number;
  target?: number;
  ok: boolean;
}

const postgres = await startTestPostgres();
const url = await postgres.newDatabase();
await postgres.query(url, 'ALTER SYSTEM SET fsync = on');
await postgres.query(url, 'SELECT pg_reload_conf()');
const ways = await openWays(url, !options.unjudged);
const rows: Row[] = [];

/** CPU seconds of both, and the time it took. */
async function measured(work: () => Promise<void>) {
  const [began, before] = [performance.now(), cpuSeconds(postgres.server.pid)];
  await work();
  const after = cpuSeconds(postgres.server.pid);
  return {
    seconds: (performance.now() - began) / 1000,
    controller: after.controller - before.controller,
    postgres: after.postgres - before.postgres,
  };
}

async function burst(way: Way, count: number) {
  const messages = messagesOf(count, SPOOLED);
  const { seconds: took, controller, postgres: server } = await measured(async () => void (await Promise.all(messages.map(way))));
  const thousands = (count * SPOOLED) / 1000;
  return { perSecond: (thousands * 1000) / took, controller: controller / thousands, postgres: server / thousands };
}

/** A sample each ten seconds of every gateway, spread evenly; each message is made before its time comes. */
async function steady(way: Way) {
  // Their sessions are not new: what is read once a session is not counted.
  const earlier = messagesOf(Math.round(PER_SECOND * seconds), 1);
  await Promise.all(earlier.map(way));
  const messages = messagesOf(earlier.length, 1, earlier);
  const waits: number[] = [];
  const used = await measured(async () => {
    const [began, sent]: [number, Promise<void>[]] = [performance.now(), []];
    for (let next = 0; next < messages.length; await delay(10)) {
      const due = Math.min(messages.length, Math.ceil(((performance.now() - began) / 1000) * PER_SECOND));
      for (; next < due; next++) {
        const at = performance.now();
        sent.push(way(messages[next]!).then(() => void waits.push(performance.now() - at)));
      }
    }
    await Promise.all(sent);
  });
  waits.sort((a, b) => a - b);
  return {
    p99: waits[Math.floor(waits.length * 0.99)]!,
    controller: used.controller / used.seconds,
    postgres: used.postgres / used.seconds,
  };
}

/** Twenty minutes of every gateway, and of it the last minute not rolled up yet. */
async function rollUpOfAMinute(): Promise<{ postgres: number }> {
  await postgres.query(
    url,
    `SET app.tenants = 'all';
     INSERT INTO sample (tenant_id, gateway_id, at, stored_at, count, max, drop, found, cpus)
     SELECT tenant, id, now() - n * interval '10 seconds', now() - n * interval '10 seconds', n, 65536, 100, 7, '[]'
     FROM generate_series(120, 1, -1) AS n,
       (SELECT gen_random_uuid() AS id, gen_random_uuid() AS tenant FROM generate_series(1, ${gateways})) AS gateways;
     ANALYZE sample;
     UPDATE roll_up SET stored_until = now() - interval '30 seconds'`,
  );
  return measured(async () => void (await ways.history.rollUp()));
}

function add(name: string, size: number, ours: number, more: { theirs?: number; target?: number; isMoreBetter?: boolean } = {}): void {
  const { theirs, target, isMoreBetter = false } = more;
  const ok = target === undefined || (isMoreBetter ? ours >= target : ours <= target);
  rows.push({
    name,
    size,
    ours,
    theirs,
    ratio: theirs === undefined ? undefined : isMoreBetter ? ours / theirs : theirs / ours,
    target,
    ok,
  });
}

try {
  const few = Math.ceil(gateways / 20);
  await burst(ways.ours, few);
  const [old, now] = [await burst(ways.theirs, few), await burst(ways.ours, gateways)];
  add('durable samples a second in a burst', gateways * SPOOLED, now.perSecond, {
    theirs: old.perSecond,
    target: 5000,
    isMoreBetter: true,
  });
  add('controller, CPU s of 1,000 samples in a burst', gateways * SPOOLED, now.controller, { theirs: old.controller });
  add('Postgres, CPU s of 1,000 samples in a burst', gateways * SPOOLED, now.postgres, { theirs: old.postgres });
  const [before, after] = [await steady(ways.theirs), await steady(ways.ours)];
  add('ms until stored, p99, steady', PER_SECOND, after.p99, { theirs: before.p99, target: 2000 });
  add('controller, share of a core, steady', PER_SECOND, after.controller, { theirs: before.controller, target: 0.6 });
  add('Postgres, share of a core, steady', PER_SECOND, after.postgres, { theirs: before.postgres });
  add('Postgres, CPU s of a minute’s roll-up', gateways, (await rollUpOfAMinute()).postgres, { target: 6 });
} finally {
  await ways.close();
  await postgres.stop();
}
const number = (value: number | undefined): string =>
  value === undefined ? '' : value.toLocaleString('en', { maximumSignificantDigits: 3 });
for (const row of rows) {
  if (options.json) console.log(JSON.stringify({ bench: 'ingest', ...row }));
  else
    console.log(
      `${row.name.padEnd(48)} ${number(row.ours).padStart(9)}   before ${number(row.theirs).padStart(9)}${row.ok ? '' : '   MISSED'}`,
    );
}
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
