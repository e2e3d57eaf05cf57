import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pino, type Logger } from 'pino';
import type { Answered } from '../../client/client.ts';
import { readEvents, type ServerEvent } from '../../client/event-parser.ts';
import { request } from '../../client/request.ts';
import { routeUrl } from '../../client/route-url.ts';
import { sessionCookie } from '../../client/sign-in.ts';
import type { Route } from '../../proto/http/route.ts';
import { routes } from '../../proto/http/routes.ts';
import type { Grant } from '../../proto/model/access.ts';
import { UsersService } from '../../controller/access/users.service.ts';
import { readConfig } from '../../controller/platform/config.ts';
import { startController, type RunningController } from '../../controller/start.ts';
import { openTestDatabases } from './database.ts';

export const PASSWORD = 'a password of a test';

/** An answer; `body` of a success has passed the route's own schema. */
export interface Answer<Body = unknown> {
  status: number;
  headers: Headers;
  body: Body;
}

interface Input {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Someone who calls the REST API: by cookie, by token, or as nobody. What a request says is up to the test, and each is sent once. */
export class Person {
  private readonly origin: string;
  private readonly headers: Record<string, string>;

  constructor(origin: string, headers: Record<string, string>) {
    this.origin = origin;
    this.headers = headers;
  }

  /** The same person by another door. */
  through(origin: string): Person {
    return new Person(origin, this.headers);
  }

  /** Calls a route and gives whatever comes. */
  async ask(route: Route, input: Input = {}): Promise<Answer> {
    const response = await this.send(route, input);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : response.headers.get('content-type')?.includes('ndjson') ? text : JSON.parse(text),
    };
  }

  /** Calls a route that must succeed, with an answer that its schema accepts. */
  async call<R extends Route>(route: R, input: Input = {}): Promise<Answered<R>> {
    const answer = await this.ask(route, input);
    if (answer.status !== route.status)
      throw new Error(`${route.method} ${route.path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return (route.response ? route.response.parse(answer.body) : undefined) as Answered<R>;
  }

  /** Calls a route that answers in text. */
  async text(route: Route, input: Input = {}): Promise<string> {
    const response = await this.send(route, input);
    if (response.status !== route.status) throw new Error(`${route.path} answered ${response.status}`);
    return response.text();
  }

  /** Opens an event stream. */
  async watch(route: Route, params: Record<string, string> = {}, query: Record<string, string> = {}): Promise<EventReader> {
    const abort = new AbortController();
    return new EventReader(await this.send(route, { params, query }, abort.signal), abort);
  }

  private send(route: Route, { params, query, body, headers }: Input, signal?: AbortSignal): Promise<Response> {
    return request({ origin: this.origin, headers: this.headers }, routeUrl(route, params, query), {
      method: route.method,
      body,
      headers,
      signal,
    });
  }
}

/** Reads server-sent events one by one. */
export class EventReader {
  private readonly events: AsyncGenerator<ServerEvent, undefined>;
  private readonly abort: AbortController;
  readonly status: number;

  constructor(response: Response, abort: AbortController) {
    this.abort = abort;
    this.status = response.status;
    this.events = readEvents(response.body!);
  }

  /** The data of the next event; undefined at the end of the stream. */
  async next(): Promise<unknown> {
    const { value } = await this.events.next();
    return value && JSON.parse(value.data);
  }

  /** The first event for which `fits` holds. */
  async until(fits: (event: never) => boolean): Promise<unknown> {
    for (let event = await this.next(); event !== undefined; event = await this.next()) if (fits(event as never)) return event;
    return undefined;
  }

  close(): void {
    this.abort.abort();
  }
}

interface ControllerSettings {
  clock?: () => number;
  stateDir?: string;
  logger?: Logger;
}

/** A controller in this process on free ports, with its own state folder. */
export class TestController {
  readonly running: RunningController;
  readonly stateDir: string;

  private constructor(running: RunningController, stateDir: string) {
    this.running = running;
    this.stateDir = stateDir;
  }

  static async start(
    env: { CTFLEET_DATABASE_URL: string } & Record<string, string>,
    options: ControllerSettings = {},
  ): Promise<TestController> {
    const stateDir = options.stateDir ?? (await mkdtemp(path.join(os.tmpdir(), 'ctfleet-state-')));
    const config = readConfig({
      CTFLEET_API_PORT: '0',
      CTFLEET_ENROL_PORT: '0',
      CTFLEET_LINK_PORT: '0',
      CTFLEET_LINK_HOST: '127.0.0.1',
      CTFLEET_STATE_DIR: stateDir,
      CTFLEET_DRAIN_SECONDS: '0',
      CTFLEET_LOG_LEVEL: 'silent',
      ...env,
    });
    const running = await startController({
      config,
      logger: options.logger ?? pino({ level: process.env.CTFLEET_TEST_LOG ?? 'silent' }),
      clock: options.clock ?? Date.now,
    });
    return new TestController(running, stateDir);
  }

  /** What its agents trust, PEM. */
  get root(): string {
    return readFileSync(path.join(this.stateDir, 'ca.cert.pem'), 'utf8');
  }

  get origin(): string {
    return `http://127.0.0.1:${this.running.ports.apiPort}`;
  }

  get enrolAddress(): string {
    return `127.0.0.1:${this.running.ports.enrolPort}`;
  }

  get linkAddress(): string {
    return `127.0.0.1:${this.running.ports.linkPort}`;
  }

  get nobody(): Person {
    return new Person(this.origin, {});
  }

  /** Makes a user with these roles and signs in. */
  async person(name: string, grants: Grant[]): Promise<Person> {
    await this.running.app.get(UsersService).create({ email: `${name}@example.net`, password: PASSWORD, name, grants });
    return this.signIn(`${name}@example.net`, PASSWORD);
  }

  async signIn(email: string, password: string): Promise<Person> {
    const response = await this.attempt(email, password);
    if (!response.ok) throw new Error(`sign-in answered ${response.status}`);
    return new Person(this.origin, { cookie: sessionCookie(response) });
  }

  attempt(email: string, password: string, headers: Record<string, string> = {}): Promise<Response> {
    return request({ origin: this.origin, headers }, '/api/auth/sign-in/email', { method: 'POST', body: { email, password } });
  }

  /** Stops it; the state folder stays if somebody else is to go on with it. */
  async stop(options: { keepState?: boolean } = {}): Promise<void> {
    await this.running.close();
    if (!options.keepState) await rm(this.stateDir, { recursive: true, force: true });
  }
}

/** A tenant with a site and a join token for one gateway. */
export async function makePlace(
  owner: Person,
  tenantName: string,
  gatewayName: string,
): Promise<{ tenantId: string; siteId: string; joinToken: string; tokenId: string }> {
  const tenant = await owner.call(routes.createTenant, { body: { name: tenantName } });
  const site = await owner.call(routes.createSite, { body: { tenantId: tenant.id, name: 'HQ' } });
  const token = await owner.call(routes.createEnrolmentToken, { body: { siteId: site.id, gatewayName } });
  return { tenantId: tenant.id, siteId: site.id, joinToken: token.token, tokenId: token.id };
}

/** A controller on a database of its own, and an owner over all tenants. */
export async function startWithOwner(env: Record<string, string> = {}, settings: ControllerSettings = {}) {
  const postgres = await openTestDatabases();
  const url = await postgres.newDatabase();
  const controller = await TestController.start({ CTFLEET_DATABASE_URL: url, ...env }, settings);
  const owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  return { postgres, url, controller, owner };
}

/** Has every tenant need no second person, as where one person works alone. */
export async function workAlone(owner: Person): Promise<void> {
  for (const { id } of (await owner.call(routes.listTenants)).items) {
    await owner.call(routes.updateLimits, {
      params: { id },
      body: { flows: null, percentOfTable: null, isEverything: false, areSeveralTenants: false },
    });
  }
}

/** Asks again until the answer is one. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
