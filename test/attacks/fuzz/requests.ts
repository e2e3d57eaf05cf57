import http from 'node:http';
import { ERROR_CODES } from '../../../proto/model/error-codes.ts';
import { routes } from '../../../proto/http/routes.ts';
import { AttackedController } from './attacked-controller.ts';
import { Findings, Progress, Tally, type TrialOptions, type TrialReport } from './findings.ts';
import { KnownIds } from './known-ids.ts';
import { openAllPages, readOperations, type Operation } from './pages.ts';
import { Random } from './random.ts';
import { kindOfPath, RequestMaker, type MadeRequest } from './request-maker.ts';

const AT_ONCE = 24;
const WARM_CALLS = 20_000;
const CALLS_BETWEEN_PAGES = 50_000;
const GATEWAYS = 3;
const FLOWS = 60;
/** These scan everything that is stored, which grows with each call. */
const THOROUGH: ReadonlySet<string> = new Set(['verifyAudit', 'exportAudit']);
/** What these create is kept, and listed whole in one answer: past this many a larger list finds nothing new and costs every later call. */
const LISTED_WHOLE: ReadonlySet<string> = new Set([
  'createTenant',
  'createSite',
  'createEnrolmentToken',
  'createRemediation',
  'createPolicy',
  'createToken',
]);
const CROWD = 500;
/** Of a hundred generated of either sort, this many are sent. */
const KEPT_OF_HUNDRED = 2;
/** No more than this is read of an answer: an export may be long. */
const MAX_READ_BYTES = 256 * 1024;
const ANSWER_MS = 60_000;
/** Ways to say that a gateway does not answer, which is not the controller's fault. */
const OF_GATEWAYS: readonly string[] = ['GATEWAY_OFFLINE', 'GATEWAY_SLOW'];
/** What an answer must never reveal: a stack, a path in the sources, a statement, a driver's message. */
const INTERNAL_TEXT =
  /\n\s+at \S|node_modules|\.[jt]s:\d+|prisma|postgres|SELECT |INSERT |invalid input syntax|ECONN|Cannot read prop|is not a function/i;

interface Answer {
  status: number;
  type: string;
  text: string;
  isWhole: boolean;
}

/** Generated calls to every operation of the REST API, as several people and as nobody. */
export async function requests(options: TrialOptions): Promise<TrialReport> {
  const findings = new Findings();
  const controller = await AttackedController.start(findings);
  try {
    return await new Requests(options, controller, findings).run();
  } finally {
    await controller.stop();
  }
}

class Requests {
  readonly #options: TrialOptions;
  readonly #controller: AttackedController;
  readonly #findings: Findings;
  readonly #tally = new Tally();
  readonly #ids = new KnownIds();
  readonly #random: Random;
  readonly #operations: Operation[] = readOperations();
  readonly #maker: RequestMaker;
  readonly #progress: Progress;
  readonly #connections = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE, maxFreeSockets: AT_ONCE });
  /** The headers of each caller, by name. */
  readonly #callers = new Map<string, Record<string, string>>();
  readonly #created = new Map<string, number>();
  #sent = 0;
  #isWarm = false;

  constructor(options: TrialOptions, controller: AttackedController, findings: Findings) {
    [this.#options, this.#controller, this.#findings] = [options, controller, findings];
    this.#random = new Random(options.seed);
    this.#maker = new RequestMaker(this.#random, this.#ids, this.#operations);
    this.#progress = new Progress(options);
  }

  async run(): Promise<TrialReport> {
    const controller = this.#controller;
    const agents = await this.#settle();
    for (let stopAt = this.#options.count; this.#goesOn(this.#options.count); stopAt = this.#sent + CALLS_BETWEEN_PAGES) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => this.#callUntil(Math.min(stopAt, this.#options.count))));
      await controller.forgetTries();
      // A call may have ended the session.
      await this.#signInOwner();
      await openAllPages(controller, this.#operations, this.#findings);
      controller.process.readLog();
      await controller.process.warmedUp();
      this.#isWarm = true;
    }
    const perSecond = this.#progress.perSecond(this.#sent);
    this.#connections.destroy();
    agents.forEach((agent) => agent.disconnect());
    const rssGrowthMb = await controller.process.growthMb();
    controller.process.readLog();
    return {
      trial: 'requests',
      count: this.#sent,
      failures: this.#findings.count,
      crashes: controller.process.crashes,
      rssGrowthMb,
      perSecond,
      tally: this.#tally,
      findings: this.#findings.list(),
    };
  }

  /** Two tenants with gateways online, and the people who call. */
  async #settle() {
    const controller = this.#controller;
    const place = await controller.makePlace('Acme');
    const other = await controller.makePlace('Other');
    const agents = [];
    for (let number = 0; number < GATEWAYS; number++)
      agents.push(await controller.honestAgent(number === 0 ? other : place, `gw${number}`, FLOWS));
    for (const { gatewayId } of agents) this.#ids.note('gateways', gatewayId);
    for (const { tenantId, siteId } of [place, other]) {
      this.#ids.note('tenants', tenantId);
      this.#ids.note('sites', siteId);
    }
    const token = async (role: 'operator' | 'viewer' | 'admin', tenantId: string | null): Promise<Record<string, string>> => {
      const { secret } = await controller.api.call(routes.createToken, { body: { name: role, role, tenantId } });
      return { authorization: `Bearer ${secret}` };
    };
    await this.#signInOwner();
    this.#callers.set('administrator by token', await token('admin', null));
    this.#callers.set('operator of one tenant', await token('operator', place.tenantId));
    this.#callers.set('viewer of one tenant', await token('viewer', place.tenantId));
    this.#callers.set('nobody', {});
    this.#callers.set('an invented caller', { authorization: 'Bearer ctfp_x_y', cookie: 'ctfleet.session_token=%00' });
    return agents;
  }

  async #signInOwner(): Promise<void> {
    const { origin } = this.#controller;
    this.#callers.set('owner', { cookie: await this.#controller.cookie(), origin });
  }

  #goesOn(stopAt: number): boolean {
    const tellsMore = this.#progress.goesOn(this.#sent, () => JSON.stringify({ findings: this.#findings.count, ...this.#tally.toJSON() }));
    return (
      tellsMore &&
      this.#controller.process.isAlive &&
      this.#sent < stopAt &&
      (this.#isWarm || !this.#progress.isWarm(this.#sent, WARM_CALLS))
    );
  }

  async #callUntil(stopAt: number): Promise<void> {
    while (this.#goesOn(stopAt)) {
      const request = this.#maker.make();
      if (this.#isHeavy(request.operation.id) && this.#random.below(100) >= KEPT_OF_HUNDRED) continue;
      this.#sent += 1;
      const who = this.#random.perMille(550) ? 'owner' : this.#random.pick([...this.#callers.keys()]);
      try {
        this.#judge(request, who, await this.#call(request, this.#callers.get(who)!));
      } catch (error) {
        if (this.#controller.process.isAlive) this.#findings.add(`no answer: ${(error as Error).message}`, describe(request, who));
      }
    }
  }

  #isHeavy(operation: string): boolean {
    return THOROUGH.has(operation) || (LISTED_WHOLE.has(operation) && (this.#created.get(operation) ?? 0) >= CROWD);
  }

  #call(made: MadeRequest, caller: Record<string, string>): Promise<Answer> {
    const { operation, path, headers, body } = made;
    return new Promise((resolve, reject) => {
      const length = body ? { 'content-length': String(body.length) } : {};
      const request = http.request(
        `${this.#controller.origin}/`,
        { agent: this.#connections, method: operation.method, path, headers: { ...length, ...caller, ...headers }, timeout: ANSWER_MS },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          const finish = (isWhole: boolean): void =>
            resolve({
              status: response.statusCode ?? 0,
              type: response.headers['content-type'] ?? '',
              text: Buffer.concat(chunks).toString(),
              isWhole,
            });
          const stop = (): void => {
            finish(false);
            request.destroy();
          };
          if (response.headers['content-type']?.startsWith('text/event-stream')) return stop();
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            if ((bytes += chunk.length) > MAX_READ_BYTES) stop();
          });
          response.on('end', () => finish(true));
          response.on('error', reject);
        },
      );
      request.on('timeout', () => request.destroy(new Error(`nothing within ${ANSWER_MS / 1000} s`)));
      // A kept-alive connection may have been closed meanwhile: that is no answer, and the call never began.
      request.on('error', (error: NodeJS.ErrnoException) =>
        request.reusedSocket && error.code === 'ECONNRESET' ? resolve(this.#call(made, caller)) : reject(error),
      );
      request.end(body);
    });
  }

  /** A success must be one that the document names; a refusal is a problem with a code; never 500. */
  #judge(request: MadeRequest, who: string, { status, type, text, isWhole }: Answer): void {
    const { operation } = request;
    const example = (): string => `${describe(request, who)}\n${status} ${type}\n${text.slice(0, 1500)}`;
    this.#tally.add(`${Math.floor(status / 100)}xx`);
    if (status === 201) this.#created.set(operation.id, (this.#created.get(operation.id) ?? 0) + 1);
    if (status < 400) {
      if (!operation.successes.includes(status) && !isPlain(operation.path, request.path))
        this.#findings.add(`${operation.id} answers ${status}, which its description does not name`, example());
      if (isWhole && type.startsWith('application/json')) this.#learn(operation, JSON.parse(text) as unknown);
      return;
    }
    const code = codeOf(text);
    this.#tally.add(code ?? `no code: ${status}`);
    if (!type.startsWith('application/problem+json')) this.#findings.add(`${status} is no problem: ${type}`, example());
    if (code === undefined) this.#findings.add(`${status} without a code`, example());
    else if (ERROR_CODES[code as keyof typeof ERROR_CODES].http !== status) this.#findings.add(`${code} with ${status}`, example());
    if (status >= 500 && !OF_GATEWAYS.includes(code ?? '')) this.#findings.add(`${operation.id} answers ${status} ${code}`, example());
    if (INTERNAL_TEXT.test(text.replace(/"instance":"(?:[^"\\]|\\.)*"/, '')))
      this.#findings.add(`${operation.id} reveals internals`, example());
  }

  #learn(operation: Operation, body: unknown): void {
    if (typeof body !== 'object' || body === null) return;
    const { items, cursor, id, digest, flushId, runId } = body as {
      items?: { id?: string }[];
      cursor?: string;
      id?: string;
      digest?: string;
      flushId?: string;
      runId?: string;
    };
    const kind = kindOfPath(operation.path);
    // Their own tokens stay out of reach: a caller who revokes his own token makes no more calls.
    if (kind !== 'tokens' && kind !== 'me') {
      if (typeof id === 'string') this.#ids.note(kind, id);
      for (const item of Array.isArray(items) ? items.slice(0, 5) : [])
        if (typeof item.id === 'string' && kind !== 'gateways') this.#ids.note(kind, item.id);
    }
    if (cursor !== undefined) this.#ids.note('cursor', cursor);
    if (digest !== undefined && operation.id === 'createPlan') this.#ids.note('digest', digest);
    if (flushId !== undefined) this.#ids.note('flushes', flushId);
    if (runId !== undefined) this.#ids.note('remediation-runs', runId);
  }
}

/** A path parameter that was emptied, or that contains a slash, may name a different page. */
function isPlain(pattern: string, path: string): boolean {
  return pattern.includes('{') && !/^[^?]*\/[0-9a-f]{8}-[0-9a-f-]{27}/.test(path);
}

function codeOf(text: string): string | undefined {
  try {
    const { code } = JSON.parse(text) as { code?: unknown };
    return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) ? code : undefined;
  } catch {
    return undefined;
  }
}

function describe({ operation, path, headers, body }: MadeRequest, who: string): string {
  const sent = body?.toString().slice(0, 1500) ?? '';
  return `${who}: ${operation.method} ${path.slice(0, 1500)} ${JSON.stringify(headers).slice(0, 300)} ${sent}`;
}
