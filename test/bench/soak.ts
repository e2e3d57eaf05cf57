/**
 * A week of a small gateway in ten minutes: entries begin and end with real packets while searches, breakdowns, plans, flushes and events
 * go on.
 *   npm run bench -- soak [--minutes 10] [--entries 2000000] [--json]
 * Prints descriptors, threads and memory as it runs, and fails if they grow. Needs root.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { systemClock } from '../../agent/time/clock.ts';
import { TableEvents } from '../../agent/conntrack/events/table-events.ts';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { Commands } from '../../agent/operations/commands.ts';
import { Journal } from '../../agent/operations/journal.ts';
import { Lately } from '../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES } from '../../agent/operations/local-guard.ts';
import { PlanStore } from '../../agent/operations/plan-store.ts';
import { UndoStore } from '../../agent/operations/undo-store.ts';
import { Method, Result_State, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Conversation } from '../support/conversation.ts';
import { Namespace } from '../support/namespace.ts';
import { until } from '../support/until.ts';
import { filterOf } from '../support/filter-of.ts';

interface Reading {
  seconds: number;
  descriptors: number;
  threads: number;
  residentMb: number;
  heapMb: number;
}

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, minutes: { type: 'string', default: '10' }, entries: { type: 'string', default: '2000000' } },
});
const why = Namespace.why();
if (why) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}

const CONTEXT = { wans: [{ name: 'wan1', addresses: [Uint8Array.of(10, 9, 0, 1)] }], protections: [] };
const ROUND_MS = 1000;
/** One port in this many carries the flows that plans end. */
const PORTS = 50;
/** The most memory of the second half may exceed the most of the first by this much. */
const GROWTH = { share: 0.05, mb: 8 };
const entries = Number(options.entries);
const seconds = Number(options.minutes) * 60;
const totals = { rounds: 0, searched: 0, planned: 0, restored: 0, expired: 0 };
const results: Result[] = [];
const readings: Reading[] = [];

const namespace = Namespace.createWithSink('ctg-soak');
const leave = namespace.enter();
const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-soak-'));
const table = new KernelTable();
const journal = new Journal(folder);
const plans = new PlanStore(folder);
const commands = new Commands({
  table,
  journal,
  plans,
  undos: new UndoStore(folder, plans),
  guard: new LocalGuard(() => ({ ...NO_RULES, mostPercentOfTable: 100 }), new Lately(Date.now)),
  clock: systemClock,
  context: () => CONTEXT,
  controllerClock: { latest: Date.now },
  log: pino({ level: 'silent' }),
  report: { progress: () => undefined, result: (result) => results.push(result) },
});
namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout', 10);
const events = await TableEvents.open({ withLive: true, withChanges: true });
const churn = new Conversation(namespace.name, 'churn.ts', [Math.ceil(entries / seconds), entries, PORTS]);
let ok = false;
try {
  ok = await soak();
} finally {
  await churn.end();
  await events.close();
  journal.close();
  await table.close();
  leave();
  namespace.remove();
  rmSync(folder, { recursive: true });
}
process.exit(ok ? 0 : 1);

async function soak(): Promise<boolean> {
  await churn.heard('flowing');
  const beganMs = performance.now();
  const sinceMs = (): number => performance.now() - beganMs;
  let nextReadingMs = 0;
  while (sinceMs() < seconds * 1000) {
    const roundBeganMs = performance.now();
    await round();
    if (sinceMs() >= nextReadingMs) {
      nextReadingMs += (seconds * 1000) / 20;
      readings.push(read(sinceMs() / 1000));
      if (!options.json) await show(readings.at(-1)!);
    }
    await systemClock.delay(Math.max(0, ROUND_MS - (performance.now() - roundBeganMs)));
  }
  const born = Number(await churn.conclude());
  const live = await until('the live set is the table', async () =>
    events.totals().live === (await table.counters()).count ? events.totals().live : undefined,
  );
  return report(born, live);
}

/** What a console and a controller ask of an agent in a second, and a plan. */
async function round(): Promise<void> {
  totals.rounds++;
  const search = (text: string, limit: number) =>
    table.search({ filter: filterOf(text), context: CONTEXT, limit, withFacets: true, sort: { field: 'id', descending: true } });
  totals.searched += (await search('proto:udp', 100)).tableCount;
  await search('dst:198.18.0.0/24 age<5s', 500);
  await table.breakdown(CONTEXT);
  const planId = `${totals.rounds.toString(16).padStart(8, '0')}-50a4`;
  const writer = plans.begin(planId, Date.now() + 60_000);
  const planned: Flow[] = [];
  for await (const batch of table.collect({ filter: filterOf('dport:1030'), context: CONTEXT }))
    batch.forEach((flow) => {
      planned.push(flow);
      writer.add(flow);
    });
  const digest = writer.finish();
  commands.accept({
    id: `c${totals.rounds}`,
    seq: BigInt(totals.rounds),
    epoch: 1n,
    notAfterMs: BigInt(Date.now() + 60_000),
    work: { $case: 'runPlan', value: { planId, digest, method: Method.METHOD_DELETE, verifyAfterMs: 10 } },
  });
  await commands.idle();
  const result = results.pop()!;
  if (result.state !== Result_State.STATE_DONE) throw new Error(`a plan failed: ${result.reason} ${result.detail}`);
  commands.acknowledge(`c${totals.rounds}`);
  totals.planned += planned.length;
  const some = planned.slice(0, 20);
  totals.restored += (await table.restore(some)).filter((outcome) => outcome === 'restored').length;
  const back = (await table.lookup(some, CONTEXT)).filter((flow) => flow !== undefined);
  totals.expired += (await table.expire(back, 2)).filter((outcome) => outcome === 'expiring').length;
}

/** Between rounds only what persists is open. */
function read(atSeconds: number): Reading {
  // Anonymous pages only: under pressure the kernel reclaims and returns file pages, which says nothing about us.
  const residentKb = Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
  return {
    seconds: atSeconds,
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    residentMb: residentKb / 1e3,
    heapMb: process.memoryUsage().heapUsed / 1e6,
  };
}

async function show({ seconds: at, descriptors, threads, residentMb, heapMb }: Reading): Promise<void> {
  const { born, ended, endedByUs, overflows, heals, live } = events.totals();
  console.log(
    `${at.toFixed(0).padStart(4)} s  born ${born}  ended ${ended} (${endedByUs} by us)  live ${live ?? '?'} of ${(await table.counters()).count}  overflows ${overflows}  walks ${heals}  ` +
      `descriptors ${descriptors}  threads ${threads}  resident ${residentMb.toFixed(0)} MB  heap ${heapMb.toFixed(0)} MB`,
  );
}

function report(born: number, live: number): boolean {
  const half = Math.ceil(readings.length / 2);
  const most = (of: Reading[], value: (reading: Reading) => number): number => Math.max(...of.map(value));
  const [first, last] = [readings.slice(0, half), readings.slice(half)];
  const grown = most(last, (one) => one.residentMb) - most(first, (one) => one.residentMb);
  const isFlat = {
    // A walk that heals may have its own socket open at that moment.
    descriptors: most(last, (one) => one.descriptors) <= most(first, (one) => one.descriptors) + 1,
    threads: most(last, (one) => one.threads) <= most(first, (one) => one.threads),
    memory: grown <= GROWTH.mb + GROWTH.share * most(first, (one) => one.residentMb),
  };
  const ok = isFlat.descriptors && isFlat.threads && isFlat.memory && born >= entries * 0.98;
  const heard = events.totals();
  if (options.json)
    console.log(
      JSON.stringify({
        bench: 'soak',
        name: 'descriptors, threads and memory stay flat',
        size: entries,
        born,
        ...totals,
        overflows: heard.overflows,
        residentMb: Math.round(last.at(-1)!.residentMb),
        grownMb: Math.round(grown),
        isFlat,
        ok,
      }),
    );
  else {
    console.log(
      `${born.toLocaleString('en')} entries begun by packets; ${heard.born.toLocaleString('en')} births and ${heard.ended.toLocaleString('en')} ends heard, ${heard.overflows} overflows; ${live} live, as the kernel counts`,
    );
    console.log(
      `${totals.rounds} rounds: ${totals.searched.toLocaleString('en')} entries searched, ${totals.planned.toLocaleString('en')} planned and run, ${totals.restored.toLocaleString('en')} restored, ${totals.expired.toLocaleString('en')} set to expire`,
    );
    console.log(
      `memory ${grown >= 0 ? 'grew' : 'shrank'} by ${Math.abs(grown).toFixed(1)} MB from the most of the first half to the most of the second, to ${last.at(-1)!.residentMb.toFixed(0)} MB; descriptors ${isFlat.descriptors ? 'flat' : 'GREW'}, threads ${isFlat.threads ? 'flat' : 'GREW'}, memory ${isFlat.memory ? 'flat' : 'GREW'}`,
    );
  }
  return ok;
}
