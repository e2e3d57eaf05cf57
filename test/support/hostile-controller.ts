import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { Metadata, Server, ServerCredentials, status, type ServerDuplexStream, type ServerReadableStream } from '@grpc/grpc-js';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { Agent, type AgentDependencies } from '../../agent/agent.ts';
import { systemClock } from '../../agent/time/clock.ts';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import type { Identity } from '../../agent/link/identity.ts';
import { NO_RULES } from '../../agent/operations/local-guard.ts';
import { MemoryPolicies } from '../../agent/policies/reading/memory-policies.ts';
import type { Authority } from '../../controller/identity/authority.ts';
import {
  AgentMessage,
  AnswerPart,
  ControllerMessage,
  LinkService,
  Welcome,
  type Hello,
  type PlanQuery,
  type Query,
} from '../../proto/gen/ctfleet/v1/link.ts';
import { Method, type Command, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { toWireFilter } from '../../proto/wire/filter.ts';
import { filterOf } from './filter-of.ts';
import { loneAuthority } from './lone-authority.ts';
import { until } from './until.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const PLAN_MS = 15 * 60_000;
export const GATEWAY = { tenantId: '01900000-0000-7000-8000-0000000000aa', gatewayId: '01900000-0000-7000-8000-0000000000bb' };

/** Frames go out as they are given, so that they need not be messages. */
const RAW_SERVICE = { ...LinkService, session: { ...LinkService.session, responseSerialize: (bytes: Buffer) => bytes } };

type Body = NonNullable<ControllerMessage['body']>;
type Said<K extends NonNullable<AgentMessage['body']>['$case']> = Extract<NonNullable<AgentMessage['body']>, { $case: K }>['value'];

/** One session of an agent with the hostile controller. */
export class HostileSession {
  /** Everything the agent sent on it, oldest first; including pongs and samples. */
  readonly said: AgentMessage[] = [];
  isOver = false;
  readonly #over: Promise<void>;
  readonly #stream: ServerDuplexStream<AgentMessage, Buffer>;

  constructor(stream: ServerDuplexStream<AgentMessage, Buffer>) {
    this.#stream = stream;
    stream.setMaxListeners(0);
    stream.on('data', (message: AgentMessage) => this.said.push(message));
    this.#over = new Promise((resolve) => {
      for (const end of ['end', 'cancelled', 'error', 'close'])
        stream.on(end, () => {
          this.isOver = true;
          resolve();
        });
    });
  }

  /** Sends a message; resolves when there is room for more. */
  send(body: Body): Promise<void> {
    return this.sendRaw(ControllerMessage.encode({ body }).finish());
  }

  /** Sends any bytes as one frame. */
  async sendRaw(bytes: Uint8Array): Promise<void> {
    if (!this.isOver && !this.#stream.write(Buffer.from(bytes))) await Promise.race([once(this.#stream, 'drain'), this.#over]);
  }

  /** Ends the session with an error. */
  refuse(code: status, details: string, trailer: Record<string, string> = {}): void {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(trailer)) metadata.set(key, value);
    this.#stream.emit('error', { code, details, metadata });
  }

  all<K extends NonNullable<AgentMessage['body']>['$case']>(kind: K): Said<K>[] {
    return this.said.flatMap(({ body }) => (body?.$case === kind ? [body.value as Said<K>] : []));
  }

  get hello(): Hello | undefined {
    return this.all('hello')[0];
  }
}

export interface HostileOptions {
  /** The welcome sent in reply to each hello; undefined sends none at all. */
  welcome?: () => Partial<Welcome> | undefined;
}

/** A controller that speaks the real link over TLS to a real agent, and sends whatever the test wants, including arbitrary bytes. */
export class HostileController {
  readonly sessions: HostileSession[] = [];
  /** Parts of answers by query, as they came. */
  readonly answers = new Map<string, AnswerPart[]>();
  /** Called with each new session, before its welcome. */
  onSession: (session: HostileSession) => void = () => undefined;
  /** False: streams of answers are accepted, and none is ever closed. */
  takesAnswers = true;
  /** Streams of answers that were opened. */
  answerStreams = 0;
  readonly #server: Server;
  readonly #folder: string;
  readonly #identity: Identity;
  readonly #ends: (() => Promise<void>)[] = [];
  #questions = 0;

  private constructor(server: Server, folder: string, identity: Identity) {
    [this.#server, this.#folder, this.#identity] = [server, folder, identity];
  }

  static async start({ welcome = () => ({}) }: HostileOptions = {}): Promise<HostileController> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'ctfleet-hostile-'));
    const authority = await loneAuthority(Date.now());
    const { chain, key } = await authority.issueServer(Date.now());
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(
        '127.0.0.1:0',
        ServerCredentials.createSsl(Buffer.from(authority.pem), [{ cert_chain: Buffer.from(chain), private_key: Buffer.from(key) }], true),
        (error, bound) => (error ? reject(error) : resolve(bound)),
      );
    });
    const it = new HostileController(server, folder, await identityOf(authority, port));
    server.addService(RAW_SERVICE, {
      session: (stream: ServerDuplexStream<AgentMessage, Buffer>) => {
        const session = new HostileSession(stream);
        it.sessions.push(session);
        it.onSession(session);
        stream.once('data', () => {
          const said = welcome();
          if (!said) return;
          const value = Welcome.fromPartial({
            epoch: BigInt(it.sessions.length),
            controllerTimeMs: BigInt(Date.now()),
            sampleIntervalMs: 600_000,
            gatewayId: GATEWAY.gatewayId,
            pingIntervalMs: 10_000,
            ...said,
          });
          void session.send({ $case: 'welcome', value });
        });
      },
      answer: (stream: ServerReadableStream<AnswerPart, object>, reply: (error: null, value: { isWanted: boolean }) => void) => {
        it.answerStreams++;
        stream.on('data', (part: AnswerPart) => it.answers.set(part.queryId, [...(it.answers.get(part.queryId) ?? []), part]));
        stream.on('error', () => undefined);
        stream.on('end', () => {
          if (it.takesAnswers) reply(null, { isWanted: true });
        });
      },
    });
    return it;
  }

  /** A real agent on an in-memory table, dialling this controller. `end` is also called when the controller ends. */
  async startAgent(
    change: Partial<AgentDependencies> = {},
  ): Promise<{ agent: Agent; stateDir: string; ended: Promise<void>; end: () => Promise<void> }> {
    const stateDir = change.stateDir ?? (await mkdtemp(path.join(this.#folder, 'agent-')));
    const stop = new AbortController();
    const agent = new Agent({
      identity: this.#identity,
      stateDir,
      table: new MemoryTable({ now: Date.now }),
      wans: () => [],
      policies: new MemoryPolicies(),
      ownAddresses: () => [],
      guardRules: () => NO_RULES,
      controller: async () => ({ addresses: [], port: 0 }),
      clock: systemClock,
      random: () => 0,
      log: pino({ level: process.env.CTFLEET_TEST_LOG ?? 'silent' }),
      hostname: 'gw',
      ...change,
    });
    const ended = agent.run(stop.signal);
    const end = async () => {
      stop.abort();
      await ended;
    };
    this.#ends.push(end);
    return { agent, stateDir, ended, end };
  }

  /** The session with that number, from 1, once its agent has received the welcome. */
  session(number = 1): Promise<HostileSession> {
    return until(`session ${number}`, () => (this.sessions[number - 1]?.hello ? this.sessions[number - 1] : undefined));
  }

  /** Asks and waits for the whole answer: its last part is the end or a failure. */
  async ask(session: HostileSession, query: Query): Promise<AnswerPart[]> {
    await session.send({ $case: 'query', value: query });
    return until(`an answer to ${query.id.slice(0, 64)}`, () => {
      const parts = this.answers.get(query.id);
      return parts && ['end', 'failure'].includes(parts.at(-1)?.part?.$case ?? '') ? parts : undefined;
    });
  }

  /** Has a plan frozen, which expires in a quarter of an hour, and returns the digest of the gateway's part. */
  async freeze(session: HostileSession, planId: string, filter: string, how: Partial<PlanQuery> = {}): Promise<Buffer> {
    const value = { method: Method.METHOD_DELETE, expiresAtMs: BigInt(Date.now() + PLAN_MS), maxFlows: 1000, ...how };
    const parts = await this.ask(session, {
      id: `${planId}-${++this.#questions}`,
      deadlineMs: 20_000,
      ask: { $case: 'plan', value: { planId, filter: toWireFilter(filterOf(filter)), ...value } },
    });
    const last = parts.at(-1)?.part;
    return Buffer.from(last?.$case === 'end' ? last.value.digest : []);
  }

  /** Sends a command and waits for its result. */
  async command(session: HostileSession, command: Command): Promise<Result> {
    await session.send({ $case: 'command', value: command });
    return until(`a result of ${command.id.slice(0, 64)}`, () => session.all('result').find(({ commandId }) => commandId === command.id));
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end();
    this.#server.forceShutdown();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** What enrolment would have given the agent. */
async function identityOf(authority: Authority, port: number): Promise<Identity> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=gw', keys, signingAlgorithm: EC });
  const { certificatePem } = await authority.issueGateway(csr.publicKey, GATEWAY, 1, Date.now());
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return {
    gatewayId: GATEWAY.gatewayId,
    gatewayName: 'gw',
    linkAddress: `127.0.0.1:${port}`,
    key,
    certificate: certificatePem,
    ca: authority.pem,
  };
}
