// Agents of many gateways in one process. Its kill -9 leaves what it leaves of real ones: the tables, as a kernel keeps them, and the
// agents' disks.
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { Agent } from '../../../agent/agent.ts';
import { steadyNow, systemClock, type Clock } from '../../../agent/time/clock.ts';
import { identityOf } from '../../../agent/enrolment.ts';
import { NO_RULES } from '../../../agent/operations/local-guard.ts';
import { MemoryPolicies } from '../../../agent/policies/reading/memory-policies.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { FaultyFiles } from '../disk.ts';
import { nameOf, type FlowName } from '../history.ts';
import { WatchedTable } from '../watched-table.ts';
import { KEPT_FILTER, slotFlows } from './slots.ts';
import { CALM, DEEDS_FILE, type AgentsSpec, type TableLine, type Weather } from './table-log.ts';
import { filterOf } from '../../support/filter-of.ts';

/** Agents come back up to ten times sooner than in the field, so that a run of many faults ends in reasonable time. */
const HASTE = 10;

/** A longer wait was demanded by a refusal; it is cut to a sixtieth. */
const LONG_WAIT_MS = 60_000;
const LOOK_AT_WEATHER_MS = 100;

const { gateways, enrolAddress, linkAddress, beganMs, slots, weatherFile } = JSON.parse(await text(process.stdin)) as AgentsSpec;
const guardRules = { ...NO_RULES, mostPercentOfTable: 100, protections: [{ reason: 'kept by its owner', filter: filterOf(KEPT_FILTER) }] };
const log = pino({ level: 'warn', base: undefined });
const random = (): number => Math.random() / HASTE;
const signal = new AbortController().signal;
const disks: FaultyFiles[] = [];
let weather = CALM;
const lookAtWeather = (): void => {
  const before = weather.diskFault;
  weather = existsSync(weatherFile) ? (JSON.parse(readFileSync(weatherFile, 'utf8')) as Weather) : CALM;
  if (weather.diskFault !== before) for (const disk of disks) disk.fault = weather.diskFault;
};
lookAtWeather();
setInterval(lookAtWeather, LOOK_AT_WEATHER_MS);
const clock: Clock = {
  now: steadyNow(
    () => Date.now() + weather.wallAheadMs,
    () => performance.now(),
  ),
  delay: (ms, until) => systemClock.delay(ms > LONG_WAIT_MS ? ms / 60 : ms, until),
};

await Promise.all(
  gateways.map(async ({ name, number, stateDir, joinToken }) => {
    const own = log.child({ gateway: name });
    mkdirSync(stateDir, { recursive: true });
    const disk = new FaultyFiles();
    disk.fault = weather.diskFault;
    disks.push(disk);
    const identity = await identityOf({ stateDir, enrolAddress, linkAddress, joinToken, hostname: name, clock, random, log: own, signal });
    const agent = new Agent({
      identity,
      stateDir,
      files: disk.files,
      table: await openTable(stateDir, number),
      wans: () => [],
      policies: new MemoryPolicies(),
      ownAddresses: () => [],
      guardRules: () => guardRules,
      controller: async () => ({ addresses: [], port: 0 }),
      clock,
      random,
      log: own,
      hostname: name,
    });
    await agent.run(signal);
  }),
);

/** The table as it was, less what has been ended in it since; from now on every change is in the log before anybody learns of it. */
async function openTable(stateDir: string, number: number): Promise<WatchedTable> {
  const file = path.join(stateDir, DEEDS_FILE);
  const journal = path.join(stateDir, 'journal');
  let isFilled = false;
  const table = new WatchedTable({ now: () => (isFilled ? Date.now() : beganMs) });
  for (const entry of slotFlows(number, slots)) table.insert(entry);
  isFilled = true;
  const lines = existsSync(file)
    ? readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as TableLine)
    : [];
  const ended = new Set<FlowName>(lines.flatMap((line) => (line.kind === 'delete' ? line.flows : [])));
  const flows: Flow[] = [];
  for await (const batch of table.collect({ filter: { kind: 'everything' }, context: { wans: [], protections: [] } })) flows.push(...batch);
  await table.endQuietly(flows.filter((flow) => ended.has(nameOf(flow))));
  const life = (lines.at(-1)?.life ?? 0) + 1;
  const write = (line: Pick<TableLine, 'kind' | 'flows'>): void => {
    appendFileSync(
      file,
      `${JSON.stringify({ ...line, life, atMs: Date.now(), journalBytes: existsSync(journal) ? statSync(journal).size : 0 } satisfies TableLine)}\n`,
    );
  };
  table.onDeed = (kind, changed) => write({ kind, flows: changed });
  write({ kind: 'began', flows: [] });
  return table;
}
