import { execFileSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { Redis as RedisClient } from 'ioredis';
import { prepareDatabase } from '../../../controller/prepare.ts';
import { startUntil, type Home } from '../../../tools/demo/programs.ts';
import { freePort } from '../../../tools/free-port.ts';
import { startPostgres, type Postgres } from '../../../tools/postgres.ts';
import { startRedis, type Redis } from '../../../tools/redis.ts';
import { ROOT } from '../../../tools/set-up.ts';
import { NODE_FLAGS, PLANT } from '../programs.ts';
import type { Death } from '../history.ts';
import { FaultProxy } from './proxy.ts';
import { CALM, type AgentsSpec, type Weather } from './table-log.ts';

const PUBLIC_URL = 'http://127.0.0.1:3000';
const EMAIL = 'operator@ctfleet.example';
const DATABASE = 'ctfleet';

export const CONTROLLERS = {
  'front-1': 'api,link',
  'front-2': 'api,link',
  'worker-1': 'work',
  'worker-2': 'work',
  whole: 'api,link,work',
  'replica-1': 'api,link,work',
  'replica-2': 'api,link,work',
  'replica-3': 'api,link,work',
} as const;
export type ControllerName = keyof typeof CONTROLLERS;
export type ProcessName = ControllerName | 'agents' | 'clone';
export type Release = 'this' | 'last';
type Ports = Record<ControllerName, { api: number; enrol: number; link: number; peer: number }>;
const LAST_WORDS = 3000;
/** Controllers that end give their gateways away for this long, where there are others. */
const DRAIN_SECONDS = 1;
const START_ATTEMPTS = 5;

/**
 * The real parts of one system, each of which can be killed, stopped and started again where it was. Everything belongs to the process
 * family, which ends it.
 */
export class Parts {
  readonly home: Home;
  readonly proxy: FaultProxy;
  readonly password = randomBytes(15).toString('base64url');
  readonly email = EMAIL;
  readonly publicUrl: string;
  readonly #ports: Ports;
  readonly #proxyPort: number;
  readonly #controllerEnv: Record<string, string>;
  readonly #processes = new Map<ProcessName, ChildProcess>();
  readonly #bugs = new Map<ControllerName, string>();
  /** Where the last release is, if it plays too. */
  readonly #lastRelease: string;
  /** Programs that are of the last release from their next start on. */
  readonly #ofLastRelease = new Set<ProcessName>();
  /** Controllers and agents that ended by themselves. */
  readonly deaths: Death[] = [];
  /** Those that were ended from here. */
  readonly #killed = new WeakSet<ChildProcess>();
  #postgres: Postgres;
  #redis: Redis;
  #agents: AgentsSpec | undefined;

  private constructor(
    home: Home,
    parts: {
      postgres: Postgres;
      redis: Redis;
      proxy: FaultProxy;
      proxyPort: number;
      ports: Ports;
      controllerEnv: Record<string, string>;
      lastRelease?: string | undefined;
    },
  ) {
    this.home = home;
    this.#postgres = parts.postgres;
    this.#redis = parts.redis;
    this.proxy = parts.proxy;
    this.#proxyPort = parts.proxyPort;
    this.#ports = parts.ports;
    this.#controllerEnv = parts.controllerEnv;
    this.publicUrl = parts.controllerEnv.CTFLEET_PUBLIC_URL ?? PUBLIC_URL;
    this.#lastRelease = parts.lastRelease ?? ROOT;
  }

  /**
   * Starts everything but the agents. `controllers`: which of them; a front must be among them. `lastRelease`: its folder, and
   * then all programs are of it at first. The schema is this one's.
   */
  static async start(
    home: Home,
    controllers: readonly ControllerName[],
    controllerEnv: Record<string, string> = {},
    lastRelease?: string,
  ): Promise<Parts> {
    mkdirSync(home.stateDir, { recursive: true, mode: 0o700 });
    const postgres = await startPostgres({ dir: path.join(home.stateDir, 'postgres') });
    home.family.adopt(postgres.pid, 'SIGINT');
    await withClient(postgres.url('postgres'), (client) => client.query(`CREATE DATABASE ${DATABASE}`));
    await prepareDatabase(postgres.url(DATABASE), postgres.appUrl(DATABASE));
    const redis = await startRedis();
    home.family.adopt(redis.pid);
    const ports = Object.fromEntries(
      await Promise.all(
        Object.keys(CONTROLLERS).map(async (name) => [
          name,
          { api: await freePort(), enrol: await freePort(), link: await freePort(), peer: await freePort() },
        ]),
      ),
    ) as Ports;
    const { proxy, port: proxyPort } = await FaultProxy.listen(
      controllers.filter((name) => CONTROLLERS[name].includes('link')).map((name) => ports[name].link),
    );
    const parts = new Parts(home, { postgres, redis, proxy, proxyPort, ports, controllerEnv, lastRelease });
    parts.#bootstrap();
    if (lastRelease !== undefined) for (const name of [...controllers, 'agents'] as const) parts.runFrom('last', name);
    for (const name of controllers) await parts.startController(name);
    return parts;
  }

  /** As the owner, who sees everything. */
  get databaseUrl(): string {
    return this.#postgres.url(DATABASE);
  }

  /** Where the fronts answer. */
  get origins(): string[] {
    return [...this.#processes.keys()].flatMap((name) =>
      isController(name) && CONTROLLERS[name].includes('api') ? [`http://127.0.0.1:${this.#ports[name].api}`] : [],
    );
  }

  get addresses(): Pick<AgentsSpec, 'enrolAddress' | 'linkAddress' | 'weatherFile'> {
    const front = [...this.#processes.keys()].filter(isController).find((name) => CONTROLLERS[name].includes('link'))!;
    return {
      enrolAddress: `127.0.0.1:${this.#ports[front].enrol}`,
      linkAddress: `127.0.0.1:${this.#proxyPort}`,
      weatherFile: this.#weatherFile,
    };
  }

  /** From its next start on, a program is of that release. */
  runFrom(release: Release, name: ProcessName): void {
    if (release === 'last') this.#ofLastRelease.add(name);
    else this.#ofLastRelease.delete(name);
  }

  #file(name: ProcessName, file: string): string {
    return path.join(this.#ofLastRelease.has(name) ? this.#lastRelease : ROOT, file);
  }

  /** @param bug the seeded bug to plant in it */
  async startController(name: ControllerName, bug = ''): Promise<void> {
    this.#bugs.set(name, bug);
    const { api, enrol, link, peer } = this.#ports[name];
    const { child } = await startUntil(
      this.home,
      name,
      process.execPath,
      ['--import', PLANT, this.#file(name, 'build/controller/main.js')],
      {
        CTFLEET_ROLES: CONTROLLERS[name],
        CTFLEET_DATABASE_URL: this.#postgres.appUrl(DATABASE),
        CTFLEET_REDIS_URL: this.#redis.url,
        CTFLEET_STATE_DIR: path.join(this.home.stateDir, 'controller'),
        CTFLEET_API_PORT: String(api),
        CTFLEET_ENROL_PORT: String(enrol),
        CTFLEET_LINK_PORT: String(link),
        CTFLEET_LINK_HOST: '127.0.0.1',
        CTFLEET_PEER_PORT: String(peer),
        CTFLEET_DRAIN_SECONDS: String(DRAIN_SECONDS),
        CTFLEET_LINK_ADDRESS: `127.0.0.1:${this.#proxyPort}`,
        CTFLEET_ENROL_ADDRESS: `127.0.0.1:${enrol}`,
        CTFLEET_PUBLIC_URL: PUBLIC_URL,
        CTFLEET_LOG_LEVEL: 'warn',
        CTFLEET_SEEDED_BUG: bug,
        ...this.#controllerEnv,
      },
      (line) => line.includes('controller ready') || undefined,
    );
    this.#watch(name, child);
  }

  startAgents(spec: AgentsSpec | undefined = this.#agents): void {
    if (!spec) throw new Error('there are no agents yet');
    this.#agents = spec;
    this.#startAgents('agents', spec);
  }

  /** A second program runs on a copy of one agent's disk. */
  startClone(gateway: string): void {
    const own = this.#agents?.gateways.find(({ name }) => name === gateway);
    if (!own) throw new Error(`there is no gateway ${gateway}`);
    const stateDir = path.join(this.home.stateDir, 'clones', `${gateway}-${Date.now()}`);
    cpSync(own.stateDir, stateDir, { recursive: true });
    this.#startAgents('clone', { ...this.#agents!, gateways: [{ ...own, stateDir }] });
  }

  /** What happens to all gateways' disks and clocks from now on. */
  setWeather(weather: Partial<Weather>): void {
    writeFileSync(this.#weatherFile, JSON.stringify({ ...CALM, ...weather }));
  }

  #startAgents(name: 'agents' | 'clone', spec: AgentsSpec): void {
    const log = openSync(path.join(this.home.stateDir, `logs/${name}.log`), 'a');
    const child = this.home.family.spawn(process.execPath, [...NODE_FLAGS, this.#file(name, 'test/faults/system/agents.ts')], {
      stdio: ['pipe', 'ignore', log],
    });
    closeSync(log);
    child.stdin!.end(JSON.stringify(spec));
    this.#watch(name, child);
  }

  #watch(name: ProcessName, child: ChildProcess): void {
    this.#processes.set(name, child);
    child.once('exit', (code, signal) => {
      if (!this.#killed.has(child)) this.deaths.push({ part: name, how: signal ?? `exit code ${code}`, atMs: Date.now() });
    });
  }

  isRunning(name: ProcessName): boolean {
    const child = this.#processes.get(name);
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Which programs run. */
  states(): Partial<Record<ProcessName, 'running' | 'ended'>> {
    return Object.fromEntries([...this.#processes.keys()].map((name) => [name, this.isRunning(name) ? 'running' : 'ended']));
  }

  /** The end of each program's log. */
  lastWords(): string {
    const logs = [...this.#processes.keys()]
      .map((name) => path.join(this.home.stateDir, `logs/${name}.log`))
      .filter((file) => existsSync(file));
    return logs.map((file) => `${path.basename(file)}:\n${readFileSync(file, 'utf8').slice(-LAST_WORDS)}`).join('\n');
  }

  linkPort(name: ControllerName): number {
    return this.#ports[name].link;
  }

  /** The gateways whose link a controller holds. */
  async heldBy(name: ControllerName): Promise<string[]> {
    const sql = `SELECT gateway_id AS id FROM link_session JOIN replica ON replica.id = replica_id
      WHERE closed_at IS NULL AND ended_at IS NULL AND peer_address = $1`;
    return withClient(this.databaseUrl, async (client) =>
      (await client.query<{ id: string }>(sql, [`127.0.0.1:${this.#ports[name].peer}`])).rows.map(({ id }) => id),
    );
  }

  /** Sends a signal to the whole process group of a part; resolves when it has ended, if the signal is one that ends it. */
  async signal(name: ProcessName, signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#processes.get(name);
    if (child?.pid === undefined || !this.isRunning(name))
      throw new Error(`${name} is not running; see ${path.join(this.home.stateDir, 'logs')}`);
    const isEnd = signal === 'SIGKILL' || signal === 'SIGTERM';
    if (isEnd) this.#killed.add(child);
    const gone = isEnd ? new Promise((resolve) => child.once('exit', resolve)) : undefined;
    process.kill(-child.pid, signal);
    await gone;
  }

  /** As its supervisor would: a controller that exits while it starts, because Postgres does not answer in time, is started again. */
  async restart(name: ProcessName): Promise<void> {
    if (!isController(name)) return this.startAgents();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.startController(name);
      } catch (error) {
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  /** Ends Postgres as a crash would. */
  async crashPostgres(): Promise<void> {
    await this.#postgres.stop('SIGQUIT');
  }

  async startPostgres(): Promise<void> {
    this.#postgres = await startPostgres({ dir: path.join(this.home.stateDir, 'postgres'), port: this.#postgres.port });
    this.home.family.adopt(this.#postgres.pid, 'SIGINT');
  }

  /** Keeps the database as it is at this moment, like a snapshot of its disk. Postgres is down meanwhile, as after a crash. */
  async backUpPostgres(): Promise<void> {
    await this.crashPostgres();
    rmSync(this.#backup, { recursive: true, force: true });
    this.#copyData(this.#postgres.dataDir, this.#backup);
    await this.startPostgres();
  }

  /** All controllers end, the database goes back to the backup, and they are started again. */
  async restorePostgres(): Promise<void> {
    const controllers = [...this.#processes.keys()].filter(isController).filter((name) => this.isRunning(name));
    await Promise.all(controllers.map((name) => this.signal(name, 'SIGKILL')));
    await this.crashPostgres();
    rmSync(this.#postgres.dataDir, { recursive: true });
    this.#copyData(this.#backup, this.#postgres.dataDir);
    await this.startPostgres();
    for (const name of controllers) await this.startController(name, this.#bugs.get(name));
  }

  async killRedis(): Promise<void> {
    process.kill(this.#redis.pid, 'SIGKILL');
    await this.#redis.stop();
  }

  /** It keeps nothing on disk, so it comes back empty. */
  async startRedis(): Promise<void> {
    this.#redis = await startRedis({ port: this.#redis.port });
    this.home.family.adopt(this.#redis.pid);
  }

  async flushRedis(): Promise<void> {
    const client = new RedisClient(this.#redis.url);
    await client.flushall();
    client.disconnect();
  }

  get #backup(): string {
    return `${this.#postgres.dataDir}.backup`;
  }

  get #weatherFile(): string {
    return path.join(this.home.stateDir, 'weather.json');
  }

  /** With its owner, the user that Postgres runs as. */
  #copyData(from: string, to: string): void {
    execFileSync('cp', ['-a', from, to]);
  }

  #bootstrap(): void {
    execFileSync(process.execPath, [path.join(ROOT, 'build/controller/bootstrap.js'), '--email', EMAIL, '--name', 'Operator'], {
      env: {
        ...process.env,
        CTFLEET_BOOTSTRAP_PASSWORD: this.password,
        CTFLEET_DATABASE_URL: this.#postgres.appUrl(DATABASE),
        CTFLEET_STATE_DIR: path.join(this.home.stateDir, 'controller'),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
}

function isController(name: ProcessName): name is ControllerName {
  return name in CONTROLLERS;
}

/** One connection as the database's owner. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // If the server goes away in between, the next caller gets the error.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
