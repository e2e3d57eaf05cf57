// The whole of ctfleet on this machine: database, queues, controller, console and a fleet of gateways. Ends with everything removed.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { routes } from '../proto/http/routes.ts';
import type { Lab } from '../test/lab/lab.ts';
import { externalAddress } from '../test/lab/topology.ts';
import { DemoApi } from './demo/api.ts';
import { startConsole } from './demo/console.ts';
import { placeGateways, type PlacedGateway } from './demo/enrol.ts';
import { demoFleet } from './demo/fleet.ts';
import { startKernelAgent, startLab, startMemoryAgents } from './demo/gateways.ts';
import { demoOperator, keepOperator, type Operator } from './demo/operator.ts';
import { demoOptions } from './demo/options.ts';
import { startUntil } from './demo/programs.ts';
import { Family } from './family.ts';
import { freePort } from './free-port.ts';
import { startPostgres } from './postgres.ts';
import { hasRedis, startRedis } from './redis.ts';
import { fail, say } from './say.ts';
import { build, ROOT, STATE } from './set-up.ts';
import { whyNoKernelGateways } from './system.ts';

const DEMO_FILE = path.join(STATE, 'demo.json');
const options = demoOptions(process.argv.slice(2));
const startedAt = performance.now();
const port = await consolePort(options.port);
await build({ console: !options.isDevelopment });

const family = new Family();
let isEnding = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0));
const parent = process.ppid;
setInterval(() => process.ppid !== parent && void end(1), 500).unref();

try {
  await start();
} catch (error) {
  say((error as Error).message);
  await end(1);
}

async function start(): Promise<void> {
  const why = options.gateways > 0 ? whyNoKernelGateways() : undefined;
  const fleet = demoFleet(options.gateways, options.simulated, why ? 'memory' : 'kernel');
  const postgres = await startPostgres({ dir: path.join(STATE, 'postgres') });
  family.adopt(postgres.pid, 'SIGINT');
  await ensureDatabase(postgres.url('postgres'));
  const redis = hasRedis() ? await startRedis() : undefined;
  if (redis) family.adopt(redis.pid);
  const consoleUrl = `http://127.0.0.1:${port}`;
  const databaseUrl = postgres.url('ctfleet');
  const ports = await startController(databaseUrl, redis?.url, consoleUrl);
  const apiUrl = `http://127.0.0.1:${ports.apiPort}`;
  const operator = ensureOperator(databaseUrl);
  const whenConsole = startConsole(family, port, apiUrl, options.isDevelopment);
  const api = new DemoApi(apiUrl);
  await api.signIn(operator.email, operator.password, consoleUrl);
  const placed = await placeGateways(api, fleet, path.join(STATE, 'agents'));
  const kernel = placed.filter((gateway) => gateway.kind === 'kernel');
  const memory = placed.filter((gateway) => gateway.kind === 'memory');
  const lab = kernel.length > 0 ? await startLab(family, kernel.length, ports, options.withTraffic) : undefined;
  if (lab) kernel.forEach((gateway) => startKernelAgent(family, lab, gateway));
  if (memory.length > 0) startMemoryAgents(family, memory, ports);
  await untilOnline(api, placed);
  await whenConsole;
  await writeDemoFile(api, { consoleUrl, apiUrl, linkPort: ports.linkPort, operator, placed, lab });
  say(`${kernel.length > 0 ? `${kernel.length} real gateways in network namespaces` : `gateways in memory${why ? `, because ${why}` : ''}`}${memory.length > 0 && kernel.length > 0 ? ` and ${memory.length} in memory` : ''}; queues on ${redis ? 'Redis' : 'Postgres'}; ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  console.log(`ctfleet ready: ${consoleUrl} (sign in as ${operator.email}, password ${operator.password})`);
}

async function startController(databaseUrl: string, redisUrl: string | undefined, consoleUrl: string): Promise<{ apiPort: number; enrolPort: number; linkPort: number }> {
  const [apiPort, enrolPort, linkPort] = [await freePort(), await freePort(), await freePort()];
  const { child, found } = await startUntil(family, 'controller', process.execPath, ['--enable-source-maps', path.join(ROOT, 'build/controller/main.js')], {
    CTFLEET_DATABASE_URL: databaseUrl, ...(redisUrl && { CTFLEET_REDIS_URL: redisUrl }), CTFLEET_API_PORT: String(apiPort), CTFLEET_ENROL_PORT: String(enrolPort), CTFLEET_LINK_PORT: String(linkPort),
    CTFLEET_LINK_HOST: '127.0.0.1', CTFLEET_LINK_ADDRESS: `127.0.0.1:${linkPort}`, CTFLEET_ENROL_ADDRESS: `127.0.0.1:${enrolPort}`,
    CTFLEET_STATE_DIR: path.join(STATE, 'controller'), CTFLEET_PUBLIC_URL: consoleUrl,
  }, (line) => (line.includes('controller ready') ? { apiPort, enrolPort, linkPort } : undefined));
  child.once('exit', (code) => {
    if (isEnding) return;
    say(`the controller ended with ${code}; see .ctfleet/logs/controller.log`);
    void end(1);
  });
  return found;
}

/** The first administrator is made once; later starts use what was kept. */
function ensureOperator(databaseUrl: string): Operator {
  const { operator, isNew } = demoOperator();
  if (!isNew) return operator;
  execFileSync(process.execPath, [path.join(ROOT, 'build/controller/bootstrap.js'), '--email', operator.email, '--name', 'Demo operator', '--password', operator.password], {
    env: { ...process.env, CTFLEET_DATABASE_URL: databaseUrl, CTFLEET_STATE_DIR: path.join(STATE, 'controller') }, stdio: ['ignore', 'ignore', 'inherit'],
  });
  keepOperator(operator);
  return operator;
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'ctfleet'`);
    if (rowCount === 0) await client.query('CREATE DATABASE ctfleet');
  } finally {
    await client.end();
  }
}

async function untilOnline(api: DemoApi, placed: PlacedGateway[]): Promise<void> {
  const wanted = new Set(placed.map((gateway) => gateway.name));
  for (let waited = 0; waited < 60_000; waited += 200) {
    const { items } = await api.call(routes.listGateways, { query: { limit: 2000 } });
    if (items.filter((gateway) => gateway.state === 'online' && wanted.has(gateway.name)).length >= wanted.size) return;
    await delay(200);
  }
  throw new Error('not every gateway came online within a minute; see .ctfleet/logs/');
}

async function writeDemoFile(api: DemoApi, demo: { consoleUrl: string; apiUrl: string; linkPort: number; operator: Operator; placed: PlacedGateway[]; lab: Lab | undefined }): Promise<void> {
  const { secret } = await api.call(routes.createToken, { body: { name: `demo ${new Date().toISOString()}`, role: 'owner', expiresInDays: 1 } });
  const { items } = await api.call(routes.listGateways, { query: { limit: 2000 } });
  const gateways = demo.placed.map(({ name, kind, number, tenant, site }) => {
    const known = items.find((gateway) => gateway.name === name);
    const isReal = kind === 'kernel' && demo.lab;
    return {
      id: known?.id, name, tenant, site, kind,
      ...(isReal && { netns: demo.lab?.names.gateway(number) }),
      wans: isReal ? ([1, 2] as const).map((wan) => ({ name: `wan${wan}`, address: externalAddress(number, wan) })) : (known?.wans ?? []).map((wan) => ({ name: wan.name, address: wan.addresses[0] })),
    };
  });
  writeFileSync(DEMO_FILE, `${JSON.stringify({ consoleUrl: demo.consoleUrl, apiUrl: demo.apiUrl, grpcAddress: `127.0.0.1:${demo.linkPort}`, operator: demo.operator, apiToken: secret, gateways }, null, 2)}\n`, { mode: 0o600 });
}

/** The port asked for, which must be free; else 3000 or the next free one. */
async function consolePort(wanted: number | undefined): Promise<number> {
  if (wanted !== undefined && !(await isFree(wanted))) fail(`Port ${wanted} is taken. Choose another with --port, or leave the flag out.`);
  return wanted ?? ((await isFree(3000)) ? 3000 : freePort());
}

function isFree(candidate: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(candidate, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  rmSync(DEMO_FILE, { force: true });
  await family.end();
  process.exit(code);
}
