import type { DescMessage } from '@bufbuild/protobuf';
import { createHash } from 'node:crypto';
import { AgentMessage, AnswerPart, EnrolRequest, Hello, type Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { Outcome, Result_State } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { digestBytes } from '../../../proto/wire/digest.ts';
import { toWireFlow } from '../../../proto/wire/flow.ts';
import { makeFlows } from '../../support/controller-fake-agent.ts';
import { readContract } from './contract.ts';
import { Corpus } from './corpus.ts';
import type { KnownIds } from './known-ids.ts';
import { MessageMaker } from './messages.ts';
import { mutated, withNumber, withText, wrapped } from './mutate.ts';
import type { Random } from './random.ts';

/** The kinds of `AgentMessage.body` that may follow a hello. */
const BODIES = ['samples', 'samples', 'samples', 'remediationRun', 'progress', 'result', 'pong', 'unreadable', 'policyState'] as const;
const FLOWS = makeFlows(12);
const HELLO = Hello.fromPartial({
  protocolVersion: 1,
  agentVersion: '0.1.0',
  hostname: 'gw',
  kernel: '6.18.0',
  tableKind: 'memory',
  instanceId: 'hostile',
  capabilities: { can: ['delete', 'undo', 'stop'], cannot: { reset: 'not here' } },
  wans: [{ name: 'WAN1', interface: 'eth0', addresses: [Buffer.from([198, 51, 100, 1])], isUp: true, carriesDefaultRoute: true }],
});
/** Fields that are set after a message has been generated. */
const FIELD = {
  agentMessageHello: 1,
  agentMessageProgress: 3,
  agentMessageResult: 4,
  answerPartQueryId: 1,
  commandId: 1,
  enrolRequestToken: 1,
  helloProtocolVersion: 1,
  helloLastEpoch: 7,
  helloLastSeq: 8,
  helloInstanceId: 14,
} as const;

/** What a hostile gateway sends, as bytes. */
export class AgentFrames {
  readonly #random: Random;
  readonly #maker: MessageMaker;
  readonly #corpus: Corpus;
  readonly #schemas: Record<'message' | 'hello' | 'answer' | 'enrol' | 'result' | 'progress', DescMessage>;

  constructor(random: Random, ids: KnownIds) {
    const contract = readContract();
    this.#random = random;
    this.#maker = new MessageMaker(random, ids);
    this.#schemas = {
      message: contract('AgentMessage'),
      hello: contract('Hello'),
      answer: contract('AnswerPart'),
      enrol: contract('EnrolRequest'),
      result: contract('Result'),
      progress: contract('Progress'),
    };
    this.#corpus = new Corpus(random, [
      wrapped(Buffer.from(Hello.encode(HELLO).finish()), FIELD.agentMessageHello),
      this.#maker.make(this.#schemas.message, 'samples'),
    ]);
  }

  /** Usually one that opens a session: of this version, from one holder, not ahead of the controller. */
  hello(): Buffer {
    const random = this.#random;
    let hello: Buffer = Buffer.from(Hello.encode({ ...HELLO, sentAtMs: BigInt(Date.now()) }).finish());
    if (random.perMille(400)) {
      hello = this.#maker.make(this.#schemas.hello);
      if (random.perMille(980)) hello = withNumber(hello, FIELD.helloProtocolVersion, 1);
      if (random.perMille(980)) hello = withNumber(withNumber(hello, FIELD.helloLastEpoch, 0), FIELD.helloLastSeq, 0);
      if (random.perMille(980)) hello = withText(hello, FIELD.helloInstanceId, HELLO.instanceId);
    }
    return wrapped(hello, FIELD.agentMessageHello);
  }

  /** Any message; results and progress usually name commands that the gateway was given: others are ignored, and soon throttled. */
  any(commandIds: readonly string[]): Buffer {
    const random = this.#random;
    if (random.perMille(250)) return this.#corpus.mutated();
    const body = random.pick(BODIES);
    const isOfCommand = (body === 'result' || body === 'progress') && random.perMille(970);
    if (!isOfCommand) return this.#corpus.keep(this.#maker.make(this.#schemas.message, body));
    if (commandIds.length === 0) return this.#corpus.keep(this.#maker.make(this.#schemas.message, 'samples'));
    const said = withText(this.#maker.make(this.#schemas[body]), FIELD.commandId, random.pick(commandIds));
    return this.#corpus.keep(wrapped(said, body === 'result' ? FIELD.agentMessageResult : FIELD.agentMessageProgress));
  }

  /** An answer: usually honest for a plan, so that commands follow; otherwise usually one that nobody asked for. */
  answer(query: Query): Buffer[] {
    const random = this.#random;
    if (random.perMille(query.ask?.$case === 'plan' ? 800 : 300)) return honestAnswer(query.id);
    return Array.from({ length: 1 + random.below(12) }, () => {
      const part = this.#maker.make(this.#schemas.answer);
      return random.perMille(850) ? withText(part, FIELD.answerPartQueryId, query.id) : mutated(random, part, [part]);
    });
  }

  /** An enrolment request, with the live token or another. */
  enrolment(token: string): Buffer {
    const random = this.#random;
    const said = { hostname: 'gw', agentVersion: '0.1.0', gatewayId: '', site: 'HQ', canWait: true };
    const good = Buffer.from(EnrolRequest.encode({ token, csr: Buffer.alloc(120, 0x30), ...said }).finish());
    const made = random.perMille(500) ? this.#maker.make(this.#schemas.enrol) : mutated(random, good, [good]);
    return random.perMille(300) ? withText(made, FIELD.enrolRequestToken, token) : made;
  }
}

/** The result of a command that ended all flows of an honest answer. */
export function honestResult(commandId: string): Buffer {
  const atMs = BigInt(Date.now());
  const runs = [{ outcome: Outcome.OUTCOME_DELETED, count: FLOWS.length }];
  const value = {
    commandId,
    state: Result_State.STATE_DONE,
    reason: '',
    detail: '',
    runs,
    part: 0,
    isLastPart: true,
    startedAtMs: atMs,
    finishedAtMs: atMs,
  };
  return Buffer.from(AgentMessage.encode({ body: { $case: 'result', value } }).finish());
}

/** An empty batch of samples, which is receipted like any other. */
export function emptyBatch(batch: bigint): Buffer {
  return Buffer.from(AgentMessage.encode({ body: { $case: 'samples', value: { batch, samples: [] } } }).finish());
}

/** How the controller's decoder classifies a frame. */
export function kindOf(frame: Buffer): 'decodable' | 'undecodable' | 'a second hello' {
  try {
    return AgentMessage.decode(frame).body?.$case === 'hello' ? 'a second hello' : 'decodable';
  } catch {
    return 'undecodable';
  }
}

function honestAnswer(queryId: string): Buffer[] {
  const digest = createHash('sha256');
  for (const flow of FLOWS) digest.update(digestBytes(flow));
  const part = (value: AnswerPart['part']): Buffer => Buffer.from(AnswerPart.encode({ queryId, part: value }).finish());
  const total = BigInt(FLOWS.length);
  return [
    part({ $case: 'flows', value: { flows: FLOWS.map(toWireFlow) } }),
    part({
      $case: 'head',
      value: { snapshotAtMs: BigInt(Date.now()), total, tableCount: 100n, facets: [], impact: undefined, explain: [], spared: [] },
    }),
    part({ $case: 'end', value: { rows: FLOWS.length, digest: digest.digest() } }),
  ];
}
