import { execFileSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ControllerError } from '../../client/problem.ts';
import { prepareDatabase } from '../../controller/prepare.ts';
import type { Lab } from '../../test/lab/lab.ts';
import { freePort } from '../free-port.ts';
import { startPostgres } from '../postgres.ts';
import { hasRedis, startRedis } from '../redis.ts';
import { ROOT } from '../set-up.ts';
import { DemoApi } from './api.ts';
import { startConsole } from './console.ts';
import { allGateways, placeGateways, type PlacedGateway } from './enrol.ts';
import type { DemoGateway } from './fleet.ts';
import { startKernelAgent, startLab, startMemoryAgents, type Simulation } from './gateways.ts';
import { demoOperator, keepOperator, type Operator } from './operator.ts';
import { startUntil, type Home } from './programs.ts';

export interface SystemOptions extends Home {
  fleet: DemoGateway[];
  withTraffic: boolean;
  consolePort: number;
  /** Absent for a system without a console. */
  console?: 'built' | 'development';
  /** Additional CTFLEET_* variables for the controller. */
  controllerEnv?: Record<string, string>;
  /** And for the agents of real gateways. */
  agentEnv?: Record<string, string>;
  /** Of the simulated gateways. */
  simulation?: Simulation;
}

/** Enrolling takes some milliseconds of two cores; a machine that does much else takes many times as long. */
const FOR_EACH_MS = 400;

interface ControllerPorts {
  apiPort: number;
  enrolPort: number;
  linkPort: number;
}

/** A whole ctfleet of real parts on this machine. Everything it starts belongs to the process group, which ends it. */
export class System {
  readonly consoleUrl: string;
  readonly apiUrl: string;
  readonly ports: ControllerPorts;
  readonly operator: Operator;
  readonly api: DemoApi;
  /** As the database's owner. */
  readonly databaseUrl: string;
  /** Absent if Postgres holds the queues. */
  readonly redisUrl: string | undefined;
  /** The servers beside the controller, by what they are. */
  readonly servers: { postgres: number; redis: number | undefined };
  placed: PlacedGateway[] = [];
  lab: Lab | undefined;
  controller: ChildProcess;
  /** The program of all gateways in memory. */
  simulator: ChildProcess | undefined;
  readonly agents = new Map<string, ChildProcess>();
  readonly #startController: () => Promise<ChildProcess>;

  private constructor(parts: {
    consoleUrl: string;
    ports: ControllerPorts;
    operator: Operator;
    databaseUrl: string;
    redisUrl: string | undefined;
    servers: System['servers'];
    controller: ChildProcess;
    startController: () => Promise<ChildProcess>;
  }) {
    this.consoleUrl = parts.consoleUrl;
    this.ports = parts.ports;
    this.apiUrl = `http://127.0.0.1:${parts.ports.apiPort}`;
    this.operator = parts.operator;
    this.api = new DemoApi(this.apiUrl);
    this.databaseUrl = parts.databaseUrl;
    this.redisUrl = parts.redisUrl;
    this.servers = parts.servers;
    this.controller = parts.controller;
    this.#startController = parts.startController;
  }

  /** Starts everything and returns when every gateway is online. */
  static async start(options: SystemOptions): Promise<System> {
    const { family, stateDir, fleet, withTraffic, consolePort } = options;
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    chmodSync(stateDir, 0o700);
    const postgres = await startPostgres({ dir: path.join(stateDir, 'postgres') });
    family.adopt(postgres.pid, 'SIGINT');
    // The operator and the gateways are recorded in the database; a new one has neither.
    if (postgres.isNew) for (const name of ['operator.json', 'agents']) rmSync(path.join(stateDir, name), { recursive: true, force: true });
    await ensureDatabase(postgres.url('postgres'));
    await prepareDatabase(postgres.url('ctfleet'), postgres.appUrl('ctfleet'));
    const redis = hasRedis() ? await startRedis() : undefined;
    if (redis) family.adopt(redis.pid);
    const consoleUrl = `http://127.0.0.1:${consolePort}`;
    const ports = { apiPort: await freePort(), enrolPort: await freePort(), linkPort: await freePort() };
    const startController = () => launchController(options, postgres.appUrl('ctfleet'), redis?.url, consoleUrl, ports);
    const controller = await startController();
    const operator = ensureOperator(stateDir, postgres.appUrl('ctfleet'));
    const system = new System({
      consoleUrl,
      ports,
      operator,
      databaseUrl: postgres.url('ctfleet'),
      redisUrl: redis?.url,
      servers: { postgres: postgres.pid, redis: redis?.pid },
      controller,
      startController,
    });
    const whenConsole = options.console
      ? startConsole(options, consolePort, system.apiUrl, options.console === 'development')
      : Promise.resolve();
    await system.api.signIn(operator.email, operator.password, consoleUrl);
    system.placed = await placeGateways(system.api, fleet, path.join(stateDir, 'agents'));
    const kernel = system.placed.filter((gateway) => gateway.kind === 'kernel');
    const memory = system.placed.filter((gateway) => gateway.kind === 'memory');
    if (kernel.length > 0) {
      const lab = await startLab(options, kernel.length, ports, withTraffic);
      system.lab = lab;
      for (const gateway of kernel) system.agents.set(gateway.name, startKernelAgent(options, lab, gateway, options.agentEnv));
    }
    if (memory.length > 0) system.simulator = startMemoryAgents(options, memory, ports, options.simulation);
    await system.untilOnline();
    await whenConsole;
    return system;
  }

  /** Restarts the controller after it exited or was killed. */
  async restartController(): Promise<void> {
    this.controller = await this.#startController();
  }

  /** Rejects if not every gateway is online within a minute, and longer where there are thousands. */
  async untilOnline(): Promise<void> {
    const wanted = new Set(this.placed.map((gateway) => gateway.name));
    const endsAt = performance.now() + 60_000 + wanted.size * FOR_EACH_MS;
    while (performance.now() < endsAt) {
      const askedAt = performance.now();
      const all = await allGateways(this.api).catch(noneIfBusy);
      if (all.filter(({ state, name }) => state === 'online' && wanted.has(name)).length >= wanted.size) return;
      // A list of thousands costs the controller what it needs for their agents.
      await delay(Math.max(200, 4 * (performance.now() - askedAt)));
    }
    throw new Error('not every gateway came online in time; see the logs of the agents and the controller');
  }
}

/** No list, if the controller says that it has too much to do; else throws what was caught. */
function noneIfBusy(error: unknown): [] {
  if (error instanceof ControllerError && error.problem.status === 503) return [];
  throw error;
}

async function launchController(
  { controllerEnv, ...home }: SystemOptions,
  databaseUrl: string,
  redisUrl: string | undefined,
  consoleUrl: string,
  ports: ControllerPorts,
): Promise<ChildProcess> {
  const { child } = await startUntil(
    home,
    'controller',
    process.execPath,
    ['--enable-source-maps', path.join(ROOT, 'build/controller/main.js')],
    {
      CTFLEET_DATABASE_URL: databaseUrl,
      ...(redisUrl && { CTFLEET_REDIS_URL: redisUrl }),
      CTFLEET_API_PORT: String(ports.apiPort),
      CTFLEET_ENROL_PORT: String(ports.enrolPort),
      CTFLEET_LINK_PORT: String(ports.linkPort),
      CTFLEET_LINK_HOST: '127.0.0.1',
      CTFLEET_LINK_ADDRESS: `127.0.0.1:${ports.linkPort}`,
      CTFLEET_ENROL_ADDRESS: `127.0.0.1:${ports.enrolPort}`,
      CTFLEET_STATE_DIR: path.join(home.stateDir, 'controller'),
      CTFLEET_PUBLIC_URL: consoleUrl,
      ...controllerEnv,
    },
    (line) => line.includes('controller ready') || undefined,
  );
  return child;
}

/** Creates the first administrator once; later starts use the saved one. */
function ensureOperator(stateDir: string, databaseUrl: string): Operator {
  const { operator, isNew } = demoOperator(stateDir);
  if (!isNew) return operator;
  execFileSync(process.execPath, [path.join(ROOT, 'build/controller/bootstrap.js'), '--email', operator.email, '--name', 'Demo operator'], {
    // Not as an argument: it would show in the process list, and one that begins with a dash would be taken for an option.
    env: {
      ...process.env,
      CTFLEET_BOOTSTRAP_PASSWORD: operator.password,
      CTFLEET_DATABASE_URL: databaseUrl,
      CTFLEET_STATE_DIR: path.join(stateDir, 'controller'),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  keepOperator(stateDir, operator);
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
