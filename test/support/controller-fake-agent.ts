import 'reflect-metadata';
import { credentials, type ChannelOptions, type ClientDuplexStream } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { createHash } from 'node:crypto';
import type {
  AgentMessage,
  AnswerPart,
  AuditCheckpoint,
  ControllerMessage,
  EnrolResponse,
  Query,
  RenewResponse,
  SearchQuery,
  SortKey as WireSortKey,
} from '../../proto/gen/ctfleet/v1/link.ts';
import type { ResolveDrift } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { Remediation } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { EnrolmentClient, Hello, LinkClient } from '../../proto/gen/ctfleet/v1/link.ts';
import { Method, Outcome, Result_State, type Command, type OutcomeRun, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { refusedBy } from '../../proto/model/block/of-filter.ts';
import { refusedBytes, toWireRefused } from '../../proto/wire/block.ts';
import { digestBytes } from '../../proto/wire/digest.ts';
import { fromWireFilter } from '../../proto/wire/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { compareSortKeys, sortValue, type SortField } from '../../proto/model/sort.ts';
import { fromWireSortKey, toWireSortKey } from '../../proto/wire/sort-key.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import type { TestController } from './controller-fleet.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const OPTIONS: ChannelOptions = {
  'grpc.ssl_target_name_override': 'controller.ctfleet',
  'grpc.default_authority': 'controller.ctfleet',
  'grpc.use_local_subchannel_pool': 1,
};

/** Flows in one message. */
const BATCH = 500;

/** What enrolment gives, with the key that the agent made. */
export interface Enrolled {
  response: EnrolResponse;
  key: string;
  ca: string;
}

/** Enrols over the real listener. Rejects with the gRPC error. */
export async function enrol(address: string, caPem: string, token: string, gatewayId = ''): Promise<Enrolled> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whatever I like, O=nobody cares',
    keys,
    signingAlgorithm: EC,
  });
  const client = new EnrolmentClient(address, credentials.createSsl(Buffer.from(caPem)), OPTIONS);
  try {
    const response = await new Promise<EnrolResponse>((resolve, reject) => {
      client.enrol(
        { token, csr: Buffer.from(csr.rawData), hostname: 'gw', agentVersion: '0.1.0', gatewayId, site: '', canWait: false },
        (error, answer) => (error ? reject(error) : resolve(answer)),
      );
    });
    const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    return { response, key, ca: Buffer.from(response.caPem).toString() };
  } finally {
    client.close();
  }
}

/** A new key and the request that proves it, as an agent keeps them until its renewal is answered. */
export async function makeRequest(): Promise<{ key: string; csr: Buffer }> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=another gateway', keys, signingAlgorithm: EC });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { key, csr: Buffer.from(csr.rawData) };
}

/** Renews over the real link. Rejects with the gRPC error. */
export async function renew(address: string, identity: Enrolled, { key, csr }: { key: string; csr: Buffer }): Promise<Enrolled> {
  const own = credentials.createSsl(Buffer.from(identity.ca), Buffer.from(identity.key), identity.response.certificatePem);
  const client = new LinkClient(address, own, OPTIONS);
  try {
    const { certificatePem, caPem } = await new Promise<RenewResponse>((resolve, reject) => {
      client.renew({ csr }, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    return { key, ca: Buffer.from(caPem).toString(), response: { ...identity.response, certificatePem, caPem } };
  } finally {
    client.close();
  }
}

const PORTS_OF_A_HOST = 40_000;

/** Makes `count` UDP flows to one server, from one host per 40,000. */
export function makeFlows(count: number, firstId = 1): Flow[] {
  return Array.from({ length: count }, (_, index): Flow => {
    const [host, port] = [Math.floor(index / PORTS_OF_A_HOST), 20_000 + (index % PORTS_OF_A_HOST)];
    return {
      family: 4,
      proto: 17,
      zone: 0,
      id: firstId + index,
      status: 0x18e,
      mark: 0,
      labels: [],
      timeoutSeconds: 30,
      orig: { src: `10.2.${3 + host}.4`, dst: '203.0.113.7', sport: port, dport: 5060 },
      reply: { src: '203.0.113.7', dst: `198.51.100.${1 + host}`, sport: 5060, dport: port },
    };
  });
}

/** The rows and keys that a query asks for. */
function rowsFor(query: SearchQuery, flows: Flow[]): { shown: Flow[]; keys: WireSortKey[] } {
  const field = (query.sort || 'id') as SortField;
  const keyOf = (flow: Flow) => ({ value: sortValue(flow, field), id: flow.id });
  const after = query.after && { ...fromWireSortKey(query.after), ...(query.withAfterValue && { id: -1 }) };
  const rows = flows
    .filter((flow) => !after || compareSortKeys(keyOf(flow), after, query.descending) > 0)
    .toSorted((a, b) => compareSortKeys(keyOf(a), keyOf(b), query.descending));
  return { shown: rows.slice(0, query.limit), keys: rows.slice(0, query.keys ?? 0).map((flow) => toWireSortKey(keyOf(flow))) };
}

/** A test's agent: it has a few flows, answers every query with them, and handles commands as the test says. */
export class FakeAgent {
  flows: Flow[] = [];
  /** The parts of an answer; undefined stays silent. */
  onQuery: (query: Query) => Iterable<AnswerPart['part']> | undefined = (query) => this.answerWithFlows(query);
  /** Returns the result of a command; undefined stays silent. Called once per delivery. */
  onCommand: (command: Command) => Result | undefined = (command) =>
    this.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: this.flows.length }]);
  /** Called when a stop arrives. */
  onStop: (commandIds: string[]) => void = () => undefined;
  /** Called when a policy is confirmed. */
  onConfirm: (commandId: string) => void = () => undefined;
  readonly commands: Command[] = [];
  /** Ids of commands that it was told to stop. */
  readonly stops: string[] = [];
  /** Names of blocks that it was told to lift. */
  readonly lifts: string[] = [];
  /** What it was told about drift. */
  readonly decisions: ResolveDrift[] = [];
  readonly receipts: string[] = [];
  readonly sampleReceipts: bigint[] = [];
  epoch = 0n;
  private client: LinkClient | undefined;
  private stream: ClientDuplexStream<AgentMessage, ControllerMessage> | undefined;
  /** Resolves with the reason when the session has ended. */
  ended: Promise<string> = Promise.resolve('never began');

  readonly identity: Enrolled;
  /** Each set of remediations that it was given. */
  readonly remediations: Remediation[][] = [];
  /** By which the controller knows the last of them. */
  remediationsDigest = Buffer.alloc(0);
  readonly runReceipts: string[] = [];
  readonly wanEventReceipts: string[] = [];
  /** Heads of audit chains that it was given to keep. */
  readonly checkpoints: AuditCheckpoint[] = [];

  constructor(identity: Enrolled) {
    this.identity = identity;
  }

  /** Enrolled with this controller's root, and not connected yet. */
  static async join(controller: Pick<TestController, 'enrolAddress' | 'root'>, joinToken: string): Promise<FakeAgent> {
    return new FakeAgent(await enrol(controller.enrolAddress, controller.root, joinToken));
  }

  get gatewayId(): string {
    return this.identity.response.gatewayId;
  }

  /** Opens a session; resolves at the welcome. Rejects if it is refused. */
  async connect(address: string, hello: Partial<Hello> = {}): Promise<void> {
    const { key, ca, response } = this.identity;
    this.client = new LinkClient(address, credentials.createSsl(Buffer.from(ca), Buffer.from(key), response.certificatePem), OPTIONS);
    const stream = this.client.session();
    this.stream = stream;
    let finish: (reason: string) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      finish = resolve;
    });
    await new Promise<void>((resolve, reject) => {
      stream.on('error', (error) => {
        finish(error.message);
        reject(error);
      });
      stream.on('end', () => finish('ended'));
      stream.on('data', (message: ControllerMessage) => {
        if (message.body?.$case === 'welcome') {
          this.epoch = message.body.value.epoch;
          resolve();
        } else this.handle(message);
      });
      this.send({
        $case: 'hello',
        value: Hello.fromPartial({
          protocolVersion: 1,
          agentVersion: '0.1.0',
          hostname: 'gw',
          kernel: '6.18.0',
          capabilities: { can: ['delete'], cannot: { reset: 'not in this version' } },
          tableKind: 'memory',
          wans: [{ name: 'WAN1', interface: 'eth0', addresses: [Buffer.from([198, 51, 100, 1])], isUp: true, carriesDefaultRoute: true }],
          ...hello,
        }),
      });
    });
  }

  send(body: NonNullable<AgentMessage['body']>): void {
    this.stream?.write({ body });
  }

  sendSamples(batch: bigint, samples: Sample[]): void {
    this.send({ $case: 'samples', value: { batch, samples } });
  }

  /** A result in which all flows are done, with these outcomes. */
  done(command: Command, runs: OutcomeRun[], more: Partial<Result> = {}): Result {
    return {
      commandId: command.id,
      state: Result_State.STATE_DONE,
      reason: '',
      detail: '',
      runs,
      part: 0,
      isLastPart: true,
      tableBefore: BigInt(this.flows.length) + 100n,
      tableAfter: 100n,
      startedAtMs: BigInt(Date.now()),
      finishedAtMs: BigInt(Date.now()),
      ...more,
    };
  }

  disconnect(): void {
    this.stream?.cancel();
    this.client?.close();
  }

  private handle({ body }: ControllerMessage): void {
    switch (body?.$case) {
      case 'ping':
        return this.send({ $case: 'pong', value: { sentAtMs: body.value.sentAtMs } });
      case 'query':
        return this.answer(body.value);
      case 'command': {
        this.commands.push(body.value);
        const result = this.onCommand(body.value);
        if (result) this.send({ $case: 'result', value: result });
        return;
      }
      case 'stop':
        this.stops.push(...body.value.commandIds);
        this.onStop(body.value.commandIds);
        return;
      case 'confirmPolicy':
        return this.onConfirm(body.value.commandId);
      case 'liftBlocks':
        this.lifts.push(...body.value.ids);
        return;
      case 'resolveDrift':
        this.decisions.push(body.value);
        return;
      case 'resultReceipt':
        this.receipts.push(body.value.commandId);
        return;
      case 'remediations':
        this.remediations.push(body.value.remediations);
        this.remediationsDigest = Buffer.from(body.value.digest);
        return;
      case 'remediationRunReceipt':
        this.runReceipts.push(body.value.runId);
        return;
      case 'wanEventReceipt':
        this.wanEventReceipts.push(body.value.eventId);
        return;
      case 'auditCheckpoint':
        this.checkpoints.push(body.value);
        return;
      case 'sampleReceipt':
        this.sampleReceipts.push(body.value.batch);
        return;
      default:
    }
  }

  /** Answers a query as the test says. */
  answer(query: Query): void {
    const parts = this.onQuery(query);
    if (!parts) return;
    const call = this.client?.answer(() => undefined);
    for (const part of parts) call?.write({ queryId: query.id, part });
    call?.end();
  }

  private *answerWithFlows(query: Query): Iterable<AnswerPart['part']> {
    const { ask } = query;
    const found = ask?.$case === 'search' ? rowsFor(ask.value, this.flows) : { shown: this.flows, keys: [] };
    const { shown, keys } = found;
    const digest = createHash('sha256');
    for (const flow of shown) digest.update(digestBytes(flow));
    for (let start = 0; start < shown.length; start += BATCH)
      yield { $case: 'flows', value: { flows: shown.slice(start, start + BATCH).map(toWireFlow) } };
    const refused =
      ask?.$case === 'plan' && ask.value.method === Method.METHOD_BLOCK
        ? refusedBy(fromWireFilter(ask.value.filter), ask.value.forSeconds ?? 60)
        : undefined;
    if (refused) digest.update(refusedBytes(refused));
    yield {
      $case: 'head',
      value: {
        snapshotAtMs: BigInt(Date.now()),
        total: BigInt(this.flows.length),
        tableCount: 100n,
        facets: [{ field: 'proto', values: [{ value: 'udp', flows: BigInt(this.flows.length) }] }],
        impact: {
          matched: shown.length,
          protected: 0,
          assured: 0,
          unreplied: 0,
          natted: shown.length,
          active: 0,
          idle: 0,
          unknownActivity: shown.length,
          tableCount: 100n,
          byProto: { udp: shown.length },
          byState: {},
          byWan: { WAN1: shown.length },
          topSources: [{ name: '10.2.3.4', flows: shown.length }],
          topDestinations: [],
          protectedBy: {},
          longestLived: [],
          predictions: [],
        },
        explain: [],
        refused: refused && toWireRefused(refused),
        spared: refused ? ['SSH to the gateway'] : [],
        keys: { keys },
      },
    };
    yield { $case: 'end', value: { rows: shown.length, digest: digest.digest() } };
  }
}
