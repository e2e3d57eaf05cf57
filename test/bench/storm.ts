/**
 * A controller that is killed with -9 while a fleet is connected, and a remediation that is saved for all of it.
 *   npm run bench -- storm [--agents 300] [--processes 2] [--json]
 * The controller is the real program; the agents are light (storm-agents.ts), with the real handshake, hello and backoff. Prints how long
 * the fleet takes to be back, what the API's callers see meanwhile, and the CPU of each process.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { routes } from '../../proto/http/routes.ts';
import { System } from '../../tools/demo/system.ts';
import { freePort } from '../../tools/free-port.ts';
import { ProcessGroup } from '../../tools/process-group.ts';
import { NODE_FLAGS } from '../faults/programs.ts';
import type { StormOrder, StormState } from './storm-agents.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, agents: { type: 'string', default: '300' }, processes: { type: 'string', default: '2' } },
});
const agents = Number(options.agents);
const processes = Number(options.processes);
const MAX_OF_A_TOKEN = 1000;
/** One request of a person each. */
const ASK_MS = 200;
const TARGETS = { backMs: agents <= 1000 ? 10_000 : 60_000, p99Ms: 500, knownMs: 10_000 };

const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-storm-'));
const family = new ProcessGroup();
let ok = false;
try {
  ok = await storm();
} finally {
  await family.end();
  rmSync(stateDir, { recursive: true, force: true });
}
process.exit(ok ? 0 : 1);

async function storm(): Promise<boolean> {
  const system = await System.start({
    family,
    stateDir,
    fleet: [],
    withTraffic: false,
    consolePort: await freePort(),
    controllerEnv: { CTFLEET_LOG_LEVEL: 'warn' },
  });
  const workers = Array.from({ length: processes }, () => startWorker());
  await enrolAll(system, workers);
  say('enrolled', { agents });
  const dialledMs = performance.now();
  for (const worker of workers) worker.send({ kind: 'dial' } satisfies StormOrder);
  await untilAll(workers, ({ online }) => online, 300_000);
  say('connected', { ms: since(dialledMs) });
  await delay(3000);
  const before = await asking(system, () => delay(3000));
  say('API at rest', before.figures);

  const killedMs = performance.now();
  const gone = new Promise((resolve) => system.controller.once('exit', resolve));
  system.controller.kill('SIGKILL');
  await gone;
  await system.restartController();
  const readyMs = performance.now();
  const from = await figures(system, workers);
  const back = await asking(system, () => untilAll(workers, ({ online }) => online, 300_000));
  const storm = {
    restartMs: Math.round(readyMs - killedMs),
    backMs: since(readyMs),
    backSinceKillMs: since(killedMs),
    ...back.figures,
    ...spent(from, await figures(system, workers)),
  };
  say('storm', storm);

  await delay(5000);
  const idle = await figures(system, workers);
  const document = { name: 'bench', trigger: { kind: 'wan-down' }, filter: '$address', mode: 'observe' } as const;
  const savedMs = performance.now();
  const pushed = await asking(system, async () => {
    await system.api.call(routes.createRemediation, { body: { document } } as never);
    await untilAll(workers, ({ bySize }) => bySize[1] ?? 0, 120_000);
  });
  const push = { knownMs: since(savedMs), ...pushed.figures, ...spent(idle, await figures(system, workers)) };
  say('remediation', push);
  return storm.backMs <= TARGETS.backMs && storm.p99Ms <= TARGETS.p99Ms && push.knownMs <= TARGETS.knownMs;
}

function startWorker(): ChildProcess {
  return family.spawn(process.execPath, [...NODE_FLAGS, path.join(import.meta.dirname, 'storm-agents.ts')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function enrolAll(system: System, workers: ChildProcess[]): Promise<void> {
  const ca = readFileSync(path.join(stateDir, 'controller', 'ca.cert.pem'), 'utf8');
  const address = `127.0.0.1:${system.ports.enrolPort}`;
  const each = Math.ceil(agents / workers.length);
  await Promise.all(
    workers.map(async (worker, index) => {
      const { id: tenantId } = await system.api.call(routes.createTenant, { body: { name: `Tenant ${index}` } });
      const { id: siteId } = await system.api.call(routes.createSite, { body: { tenantId, name: 'Site', timeZone: 'UTC' } });
      for (let done = 0; done < each; done += MAX_OF_A_TOKEN) {
        const count = Math.min(MAX_OF_A_TOKEN, each - done);
        const { token } = await system.api.call(routes.createRollout, {
          body: { tenantId, siteId, namePattern: '{hostname}', maxGateways: count },
        } as never);
        await ask(worker, { kind: 'enrol', address, ca, token, count, prefix: `w${index}-${done}` });
      }
    }),
  );
}

function ask(worker: ChildProcess, order: StormOrder): Promise<StormState> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('a process of agents ended'));
    worker.once('exit', ended);
    worker.once('message', (answer) => {
      worker.off('exit', ended);
      resolve(answer as StormState);
    });
    worker.send(order);
  });
}

async function untilAll(workers: ChildProcess[], countOf: (state: StormState) => number, timeoutMs: number): Promise<void> {
  for (const begunMs = performance.now(); performance.now() - begunMs < timeoutMs; await delay(100)) {
    const states = await Promise.all(workers.map((worker) => ask(worker, { kind: 'tell' })));
    if (states.reduce((sum, state) => sum + countOf(state), 0) >= Math.ceil(agents / workers.length) * workers.length) return;
  }
  throw new Error(`not all of ${agents} agents within ${timeoutMs / 1000} s`);
}

/** What people see who ask for a page of gateways meanwhile. */
async function asking(
  system: System,
  work: () => Promise<unknown>,
): Promise<{ figures: { asked: number; failed: number; p50Ms: number; p99Ms: number } }> {
  const took: number[] = [];
  let failed = 0;
  const open = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const askedMs = performance.now();
    const one = system.api
      .call(routes.listGateways, { query: { limit: 50 } })
      .then(
        () => void took.push(performance.now() - askedMs),
        () => void failed++,
      )
      .finally(() => open.delete(one));
    open.add(one);
  }, ASK_MS);
  await work().finally(() => clearInterval(timer));
  await Promise.all(open);
  took.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0);
  return { figures: { asked: took.length, failed, p50Ms: at(0.5), p99Ms: at(0.99) } };
}

interface Figures {
  controllerCpuMs: number;
  postgresCpuMs: number;
  agentsCpuMs: number;
  transactions: number;
  rowsRead: number;
  dials: number;
  pushes: number;
}

async function figures(system: System, workers: ChildProcess[]): Promise<Figures> {
  const states = await Promise.all(workers.map((worker) => ask(worker, { kind: 'tell' })));
  const client = new pg.Client({ connectionString: system.databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ commits: string; read: string; pid: number }>(
    `SELECT pg_backend_pid() AS pid, xact_commit AS commits, tup_returned + tup_fetched AS read
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  const postgres = postgresPids(rows[0]!.pid);
  await client.end();
  const sum = (of: (state: StormState) => number): number => states.reduce((total, state) => total + of(state), 0);
  return {
    controllerCpuMs: cpuMs(system.controller.pid!),
    postgresCpuMs: postgres.reduce((total, pid) => total + cpuMs(pid), 0),
    agentsCpuMs: sum(({ cpuMs: ms }) => ms),
    transactions: Number(rows[0]!.commits),
    rowsRead: Number(rows[0]!.read),
    dials: sum(({ dials }) => dials),
    pushes: sum(({ pushes }) => pushes),
  };
}

function spent(from: Figures, to: Figures): Figures {
  return Object.fromEntries(Object.entries(to).map(([name, value]) => [name, Math.round(value - from[name as keyof Figures])])) as never;
}

/** Of all processes of a Postgres, by the one of a connection. */
function postgresPids(backend: number): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const server = lines.find(([pid]) => pid === String(backend))?.[1];
  return lines.filter(([pid, ppid]) => pid === server || ppid === server).map(([pid]) => Number(pid));
}

/** User and system time, also of children that were waited for; 0 of a process that is gone. In ticks of 10 ms. */
function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return 10 * fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  } catch {
    return 0;
  }
}

function since(ms: number): number {
  return Math.round(performance.now() - ms);
}

function say(name: string, figures: object): void {
  if (options.json) return console.log(JSON.stringify({ bench: 'storm', name, size: agents, ...figures }));
  console.log(
    `${name}: ${Object.entries(figures)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}`,
  );
}
