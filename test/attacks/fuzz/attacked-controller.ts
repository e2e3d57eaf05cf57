import { execFile } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { signIn } from '../../../client/sign-in.ts';
import { routes } from '../../../proto/http/routes.ts';
import { DemoApi } from '../../../tools/demo/api.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { freePort } from '../../../tools/free-port.ts';
import { hasRedis, startRedis } from '../../../tools/redis.ts';
import { ROOT } from '../../../tools/set-up.ts';
import { enrol, FakeAgent, makeFlows, type Enrolled } from '../../support/controller-fake-agent.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { until } from '../../support/until.ts';
import type { Findings } from './findings.ts';
import { COLLECTABLE, WatchedProcess } from './watched-process.ts';

const BUILT = path.join(ROOT, 'build/controller');
const OWNER = { email: 'owner@example.net', password: 'a password of a trial' };
const READY_MS = 60_000;
/** Short, so that a query to a silent gateway does not hold up the trial. */
const SEARCH_DEADLINE_MS = '1000';

/** The tenant and site that a trial's gateways belong to. */
export interface Place {
  tenantId: string;
  siteId: string;
}

/** The built controller as a separate process on real Postgres and Redis, with its first administrator. */
export class AttackedController {
  readonly process: WatchedProcess;
  readonly api: DemoApi;
  readonly origin: string;
  readonly linkAddress: string;
  readonly enrolAddress: string;
  readonly #dir: string;
  readonly #family: ProcessGroup;
  readonly #postgres: TestDatabases;
  readonly #databaseUrl: string;

  private constructor(parts: {
    process: WatchedProcess;
    dir: string;
    family: ProcessGroup;
    postgres: TestDatabases;
    databaseUrl: string;
    ports: { api: number; enrol: number; link: number };
  }) {
    [this.process, this.#dir, this.#family, this.#postgres, this.#databaseUrl] = [
      parts.process,
      parts.dir,
      parts.family,
      parts.postgres,
      parts.databaseUrl,
    ];
    this.origin = `http://127.0.0.1:${parts.ports.api}`;
    this.enrolAddress = `127.0.0.1:${parts.ports.enrol}`;
    this.linkAddress = `127.0.0.1:${parts.ports.link}`;
    this.api = new DemoApi(this.origin);
  }

  /** Starts everything. Throws with the end of the log if it does not come up. */
  static async start(findings: Findings, env: Record<string, string> = {}): Promise<AttackedController> {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-fuzz-'));
    const family = new ProcessGroup();
    const postgres = await openTestDatabases();
    const databaseUrl = await postgres.newDatabase();
    const redis = hasRedis() ? await startRedis() : undefined;
    if (redis) family.adopt(redis.pid);
    const ports = { api: await freePort(), enrol: await freePort(), link: await freePort() };
    const settings = {
      ...process.env,
      CTFLEET_DATABASE_URL: databaseUrl,
      ...(redis && { CTFLEET_REDIS_URL: redis.url }),
      CTFLEET_STATE_DIR: path.join(dir, 'state'),
      CTFLEET_API_PORT: String(ports.api),
      CTFLEET_ENROL_PORT: String(ports.enrol),
      CTFLEET_LINK_PORT: String(ports.link),
      CTFLEET_LINK_HOST: '127.0.0.1',
      CTFLEET_LINK_ADDRESS: `127.0.0.1:${ports.link}`,
      CTFLEET_PUBLIC_URL: `http://127.0.0.1:${ports.api}`,
      CTFLEET_LOG_LEVEL: 'trace',
      CTFLEET_SEARCH_DEADLINE_MS: SEARCH_DEADLINE_MS,
      ...env,
    };
    await promisify(execFile)(process.execPath, [path.join(BUILT, 'bootstrap.js'), '--email', OWNER.email, '--name', 'Owner'], {
      env: { ...settings, CTFLEET_BOOTSTRAP_PASSWORD: OWNER.password },
    });
    const log = path.join(dir, 'controller.log');
    const output = openSync(log, 'a');
    const child = family.spawn(process.execPath, [...COLLECTABLE, path.join(BUILT, 'main.js')], {
      env: settings,
      stdio: ['ignore', output, output],
    });
    const controller = new AttackedController({
      process: new WatchedProcess(child, log, findings),
      dir,
      family,
      postgres,
      databaseUrl,
      ports,
    });
    await until(
      'the controller is ready',
      () => {
        const said = readFileSync(log, 'utf8');
        if (!controller.process.isAlive) throw new Error(said.slice(-2000));
        return said.includes('controller ready') || undefined;
      },
      READY_MS,
    );
    await controller.signIn();
    return controller;
  }

  /** Signs the owner in, and again once the session has ended. */
  async signIn(): Promise<void> {
    await this.api.signIn(OWNER.email, OWNER.password, this.origin);
  }

  /** The cookie of a new session of the owner. */
  async cookie(): Promise<string> {
    return (await signIn(this.origin, OWNER, this.origin)).cookie;
  }

  /** A tenant in which one person works alone, with a site. */
  async makePlace(name: string): Promise<Place> {
    const { id: tenantId } = await this.api.call(routes.createTenant, { body: { name } });
    await this.api.call(routes.updateLimits, {
      params: { id: tenantId },
      body: { flows: null, percentOfTable: null, isEverything: false, areSeveralTenants: false },
    });
    const { id: siteId } = await this.api.call(routes.createSite, { body: { tenantId, name: 'HQ' } });
    return { tenantId, siteId };
  }

  /** Enrols a gateway as its agent would. */
  async enrol(place: Place, gatewayName: string): Promise<Enrolled> {
    const { token } = await this.api.call(routes.createEnrolmentToken, { body: { siteId: place.siteId, gatewayName } });
    await this.forgetTries();
    return enrol(this.enrolAddress, readFileSync(path.join(this.#dir, 'state/ca.cert.pem'), 'utf8'), token);
  }

  /** A gateway with an honest agent: online, with flows. */
  async honestAgent(place: Place, name: string, flows: number): Promise<FakeAgent> {
    const agent = new FakeAgent(await this.enrol(place, name));
    agent.flows = makeFlows(flows);
    await agent.connect(this.linkAddress);
    return agent;
  }

  /** The certificate authority that gateways trust. */
  get ca(): string {
    return readFileSync(path.join(this.#dir, 'state/ca.cert.pem'), 'utf8');
  }

  /** Resets all rate-limit counters: a trial comes from a single address. */
  async forgetTries(): Promise<void> {
    await this.#postgres.query(this.#databaseUrl, 'DELETE FROM rate_limit');
  }

  async stop(): Promise<void> {
    this.process.readLog();
    this.process.isStopping = true;
    await this.#family.end();
    await this.#postgres.stop();
    if (process.env.CTFLEET_FUZZ_KEEP === undefined) rmSync(this.#dir, { recursive: true, force: true });
  }
}
