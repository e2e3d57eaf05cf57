import { createHash } from 'node:crypto';
import type { DescMessage } from '@bufbuild/protobuf';
import { AgentMessage, AnswerPart, ControllerMessage, EnrolRequest, Hello, type Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { Outcome, Result_State, type Command } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { digestBytes } from '../../../proto/model/digest.ts';
import { toWireFlow } from '../../../proto/model/wire.ts';
import { makeFlows } from '../../support/controller-fake-agent.ts';
import { AttackedController, type Place } from './attacked-controller.ts';
import { readContract } from './contract.ts';
import { Findings, Progress, Tally, type TrialOptions, type TrialReport } from './findings.ts';
import { KnownIds } from './known-ids.ts';
import { MessageMaker } from './messages.ts';
import { mutated, withNumber, withText, wrapped } from './mutate.ts';
import { Neighbours } from './neighbours.ts';
import { openAllPages, readOperations } from './pages.ts';
import { Random } from './random.ts';
import { callUnread, RawGateway, type RawStream } from './raw-gateway.ts';

const MAX_GATEWAYS = 50;
const AT_ONCE = 8;
const FRAMES_A_SESSION = 250;
const WARM_FRAMES = 20_000;
const FRAMES_BETWEEN_PAGES = 50_000;
/** A session that neither answers nor ends for so long is a finding. */
const SILENT_MS = 60_000;
const RECORDED = 400;
const KEPT_FRAMES = 24;
/** Of `AgentMessage.body`, all that may follow a hello. */
const BODIES = ['samples', 'progress', 'result', 'result', 'remediationRun', 'remediationRun', 'pong', 'unreadable'] as const;
const HELLO = Hello.fromPartial({
  protocolVersion: 1, agentVersion: '0.1.0', hostname: 'gw', kernel: '6.18.0', capabilities: { can: ['delete', 'undo', 'stop'], cannot: { reset: 'not here' } }, tableKind: 'memory', instanceId: 'hostile',
  wans: [{ name: 'WAN1', interface: 'eth0', addresses: [Buffer.from([198, 51, 100, 1])], isUp: true, carriesDefaultRoute: true }],
});
/** Fields that the trial itself sets: AgentMessage.hello, Hello.protocol_version, AnswerPart.query_id, EnrolRequest.token. */
const [HELLO_FIELD, VERSION_FIELD, QUERY_FIELD, TOKEN_FIELD] = [1, 1, 1, 1];

/** Mutated frames to a controller over live sessions of many enrolled gateways, with honest ones beside them. */
export async function framesToController(options: TrialOptions): Promise<TrialReport> {
  const findings = new Findings();
  const controller = await AttackedController.start(findings);
  try {
    return await new FramesToController(options, controller, findings).run();
  } finally {
    await controller.stop();
  }
}

class FramesToController {
  readonly #options: TrialOptions;
  readonly #controller: AttackedController;
  readonly #findings: Findings;
  readonly #tally = new Tally();
  readonly #ids = new KnownIds();
  readonly #random: Random;
  readonly #maker: MessageMaker;
  readonly #schemas: { message: DescMessage; hello: DescMessage; answer: DescMessage; enrol: DescMessage };
  readonly #progress: Progress;
  readonly #gateways: { gateway: RawGateway; restsUntilMs: number }[] = [];
  /** Good frames, to be damaged. */
  readonly #recorded: Buffer[] = [];
  #sent = 0;

  constructor(options: TrialOptions, controller: AttackedController, findings: Findings) {
    [this.#options, this.#controller, this.#findings] = [options, controller, findings];
    this.#random = new Random(options.seed);
    this.#maker = new MessageMaker(this.#random, this.#ids);
    const contract = readContract();
    this.#schemas = { message: contract('AgentMessage'), hello: contract('Hello'), answer: contract('AnswerPart'), enrol: contract('EnrolRequest') };
    this.#progress = new Progress(options);
  }

  async run(): Promise<TrialReport> {
    const controller = this.#controller;
    const [hostile, other] = [await controller.makePlace('Hostile'), await controller.makePlace('Honest')];
    const neighbours = await Neighbours.start(controller, [hostile, other], this.#findings, this.#tally);
    await this.#enrolGateways(hostile, Math.min(MAX_GATEWAYS, AT_ONCE + Math.ceil(this.#options.count / 2000)));
    for (const id of [...neighbours.gatewayIds, hostile.tenantId, other.tenantId]) this.#ids.note('any', id);
    this.#recorded.push(wrapped(Buffer.from(Hello.encode(HELLO).finish()), HELLO_FIELD), this.#maker.make(this.#schemas.message, 'samples'));
    const operations = readOperations();
    const others = [this.#operate(hostile), this.#enrolForever(hostile)];
    for (let stopAt = Math.min(WARM_FRAMES, this.#options.count / 4); this.#goesOn(this.#options.count); stopAt = this.#sent + FRAMES_BETWEEN_PAGES) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => this.#attackUntil(Math.min(stopAt, this.#options.count))));
      await openAllPages(controller, operations, this.#findings);
      controller.process.readLog();
      await controller.process.warmedUp();
    }
    const perSecond = this.#progress.perSecond(this.#sent);
    this.#isOver = true;
    await Promise.all(others);
    await neighbours.stop();
    for (const { gateway } of this.#gateways) gateway.close();
    if (controller.process.isAlive) await openAllPages(controller, operations, this.#findings);
    const rssGrowthMb = await controller.process.growthMb();
    controller.process.readLog();
    return {
      trial: 'frames-to-controller', count: this.#sent, failures: this.#findings.count, crashes: controller.process.crashes, rssGrowthMb, perSecond, tally: this.#tally, findings: this.#findings.list(),
    };
  }

  #isOver = false;

  #goesOn(stopAt: number): boolean {
    const tellsMore = this.#progress.goesOn(this.#sent, () => JSON.stringify({ findings: this.#findings.count, ...this.#tally.toJSON() }));
    return tellsMore && this.#controller.process.isAlive && this.#sent < stopAt;
  }

  async #enrolGateways(place: Place, count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const identity = await this.#controller.enrol(place, `hostile-gw${number}`);
      this.#ids.note('gatewayId', identity.response.gatewayId);
      this.#ids.note('any', identity.response.gatewayId);
      this.#gateways.push({ gateway: new RawGateway(this.#controller.linkAddress, identity), restsUntilMs: 0 });
    }
  }

  /** Session after session of whichever gateway may dial, until so many frames were sent. */
  async #attackUntil(stopAt: number): Promise<void> {
    while (this.#goesOn(stopAt)) {
      const free = this.#gateways.find(({ restsUntilMs }) => restsUntilMs <= performance.now());
      if (!free) {
        await pause(20);
        continue;
      }
      this.#gateways.push(...this.#gateways.splice(this.#gateways.indexOf(free), 1));
      free.restsUntilMs = Infinity;
      const wasRefused = await this.#session(free.gateway, stopAt);
      // Who is told to wait comes again when others have had their turn.
      free.restsUntilMs = performance.now() + (wasRefused ? 1000 : 0);
    }
  }

  /** One session: hello, many frames, a last one that must be receipted, and perhaps one that ends it. True if it was refused. */
  async #session(gateway: RawGateway, stopAt: number): Promise<boolean> {
    const random = this.#random;
    const stream = gateway.session();
    const sent: Buffer[] = [];
    let isWelcome = false;
    let receipt = 0n;
    stream.onFrame = (frame) => {
      const { body } = ControllerMessage.decode(frame);
      if (body?.$case === 'welcome') isWelcome = true;
      else if (body?.$case === 'sampleReceipt') receipt = body.value.batch;
      else if (body?.$case === 'query') void this.#answer(gateway, body.value);
      else if (body?.$case === 'command') this.#hold(stream, body.value);
    };
    const say = async (frame: Buffer): Promise<void> => {
      this.#sent += 1;
      sent.push(frame);
      if (sent.length > KEPT_FRAMES) sent.shift();
      await stream.say(frame);
    };
    await say(this.#hello());
    await this.#until(stream, () => isWelcome);
    let unreadable: Buffer | undefined;
    for (let frames = 0; isWelcome && !stream.isOver && frames < FRAMES_A_SESSION && this.#sent < stopAt; frames++) {
      const frame = this.#frame();
      if (isHandled(frame)) {
        this.#tally.add('decoded');
        await say(frame);
      } else if (unreadable === undefined) unreadable = frame;
      else await this.#sayFirst(gateway, frame);
    }
    if (isWelcome && !stream.isOver) {
      const batch = 2n ** 40n + BigInt(random.below(2 ** 32));
      await say(Buffer.from(AgentMessage.encode({ body: { $case: 'samples', value: { batch, samples: [] } } }).finish()));
      if (await this.#until(stream, () => receipt === batch)) this.#tally.add('sessions handled to their end');
      if (unreadable && !stream.isOver) {
        this.#tally.add('undecodable in a session');
        await say(unreadable);
        await Promise.race([stream.ended, pause(50)]);
      }
    }
    if (!stream.isOver) stream.cancel();
    const { status, code, detail } = await stream.ended;
    this.#tally.add(`session ended: ${code || status}${code === 'INVALID_REQUEST' ? `: ${detail.slice(0, 60)}` : ''}`);
    if (code === 'INTERNAL') this.#findings.add(`a session ended with INTERNAL: ${detail}`, sent.map((frame) => frame.toString('hex').slice(0, 600)).reverse().join('\n'));
    return code === 'RATE_LIMITED';
  }

  /** Waits for something of a session; false if the session ended before. */
  async #until(stream: RawStream, holds: () => boolean): Promise<boolean> {
    const deadlineMs = performance.now() + SILENT_MS;
    while (!holds() && !stream.isOver) {
      if (performance.now() > deadlineMs) {
        this.#findings.add('a session neither answered nor ended', '');
        return false;
      }
      await pause(5);
    }
    return holds();
  }

  /** A frame that no session survives, or needs: as the first of a stream of its own it costs no hello. */
  async #sayFirst(gateway: RawGateway, frame: Buffer): Promise<void> {
    const stream = gateway.session();
    this.#sent += 1;
    this.#tally.add('undecodable, or out of order, as the first of a stream');
    await stream.say(frame);
    await Promise.race([stream.ended, pause(20)]);
    if (!stream.isOver) stream.cancel();
    const { code, detail } = await stream.ended;
    if (code === 'INTERNAL') this.#findings.add(`a stream ended with INTERNAL: ${detail}`, frame.toString('hex').slice(0, 2000));
  }

  #hello(): Buffer {
    if (this.#random.perMille(600)) return wrapped(Buffer.from(Hello.encode({ ...HELLO, sentAtMs: BigInt(Date.now()) }).finish()), HELLO_FIELD);
    return wrapped(withNumber(this.#maker.make(this.#schemas.hello), VERSION_FIELD, 1), HELLO_FIELD);
  }

  #frame(): Buffer {
    const random = this.#random;
    if (random.perMille(650)) {
      const frame = this.#maker.make(this.#schemas.message, random.pick(BODIES));
      if (this.#recorded.length < RECORDED) this.#recorded.push(frame);
      else if (random.perMille(20)) this.#recorded[random.below(RECORDED)] = frame;
      return frame;
    }
    return mutated(random, random.pick(this.#recorded), this.#recorded);
  }

  /** A command is remembered, and now and then its result is honest, so that flushes go on. */
  #hold(stream: RawStream, command: Command): void {
    for (const kind of ['commandId', 'any']) this.#ids.note(kind, command.id);
    if (command.work?.$case === 'runPlan') this.#ids.note('planId', command.work.value.planId);
    if (!this.#random.perMille(300)) return;
    const value = {
      commandId: command.id, state: Result_State.STATE_DONE, reason: '', detail: '', runs: [{ outcome: Outcome.OUTCOME_DELETED, count: FLOWS.length }], part: 0, isLastPart: true, startedAtMs: BigInt(Date.now()),
      finishedAtMs: BigInt(Date.now()),
    };
    void stream.say(Buffer.from(AgentMessage.encode({ body: { $case: 'result', value } }).finish()));
  }

  /** Answers a question, mostly with what nobody asked for. */
  async #answer(gateway: RawGateway, query: Query): Promise<void> {
    const random = this.#random;
    this.#ids.note('queryId', query.id);
    const parts = random.perMille(300) ? honestParts(query.id) : Array.from({ length: 1 + random.below(12) }, () => {
      const part = this.#maker.make(this.#schemas.answer);
      return random.perMille(850) ? withText(part, QUERY_FIELD, query.id) : mutated(random, part, this.#recorded);
    });
    this.#sent += parts.length;
    this.#tally.add('parts of answers', parts.length);
    this.#tally.add(`answer ended: ${(await gateway.answer(parts)).status}`);
  }

  /** Somebody works with the hostile gateways: searches, plans, flushes, so that there is something to lie about. */
  async #operate(place: Place): Promise<void> {
    const { api } = this.#controller;
    for (let round = 0; !this.#isOver && this.#controller.process.isAlive; round++) {
      const scope = { gateways: this.#gateways.slice(-AT_ONCE).map(({ gateway }) => gateway.identity.response.gatewayId) };
      await this.#expectProblem('a search of hostile gateways', () => api.call(routes.searchFlows, { body: { filter: 'proto:udp', scope, sort: { field: this.#random.pick(['src', 'bytes', 'age'] as const) } } }));
      await this.#expectProblem('a search of a hostile tenant', () => api.call(routes.searchFlows, { body: { filter: '', scope: { tenants: [place.tenantId] } } }));
      await this.#expectProblem('a plan for hostile gateways', async () => {
        const plan = await api.call(routes.createPlan, { body: { filter: 'proto:udp', scope, reason: 'a trial' } });
        this.#ids.note('digest', plan.digest);
        const { flushId } = await api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
        this.#ids.note('any', flushId);
        this.#tally.add('flushes');
      });
      await pause(300);
    }
  }

  /** What hostile gateways say may have a call refused, in words; never INTERNAL. */
  async #expectProblem(what: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
      this.#tally.add(what);
    } catch (error) {
      const { message, name } = error as Error;
      if (name === 'ZodError' || / 500|went wrong on our side|rows that cannot be read|had not begun/.test(message)) this.#findings.add(`${what}: ${message.slice(0, 200)}`, message);
      else this.#tally.add(`${what}, refused`);
    }
  }

  /** Requests of enrolment from whoever can reach the port. */
  async #enrolForever(place: Place): Promise<void> {
    const { api, ca, enrolAddress } = this.#controller;
    while (!this.#isOver && this.#controller.process.isAlive) {
      await this.#controller.forgetTries();
      const { token } = await api.call(routes.createEnrolmentToken, { body: { siteId: place.siteId, gatewayName: 'nobody' } });
      const good = Buffer.from(EnrolRequest.encode({ token, csr: Buffer.alloc(120, 0x30), hostname: 'gw', agentVersion: '0.1.0' }).finish());
      for (let count = 0; count < 25; count++) {
        const made = this.#random.perMille(500) ? this.#maker.make(this.#schemas.enrol) : mutated(this.#random, good, this.#recorded);
        this.#sent += 1;
        const { status, code } = await callUnread(enrolAddress, ca, '/ctfleet.v1.Enrolment/Enrol', this.#random.perMille(300) ? withText(made, TOKEN_FIELD, token) : made);
        this.#tally.add(`enrolment ended: ${code || status}`);
        if (code === 'INTERNAL') this.#findings.add('an enrolment ended with INTERNAL', made.toString('hex').slice(0, 2000));
      }
      await pause(2000);
    }
  }
}

const FLOWS = makeFlows(12);

function honestParts(queryId: string): Buffer[] {
  const digest = createHash('sha256');
  for (const flow of FLOWS) digest.update(digestBytes(flow));
  const part = (value: AnswerPart['part']): Buffer => Buffer.from(AnswerPart.encode({ queryId, part: value }).finish());
  return [
    part({ $case: 'flows', value: { flows: FLOWS.map(toWireFlow) } }),
    part({ $case: 'head', value: { snapshotAtMs: BigInt(Date.now()), total: BigInt(FLOWS.length), tableCount: 100n, facets: [], impact: undefined, explain: [] } }),
    part({ $case: 'end', value: { rows: FLOWS.length, digest: digest.digest() } }),
  ];
}

/** Whether a session goes on after it: it can be decoded, and is no second hello. */
function isHandled(frame: Buffer): boolean {
  try {
    return AgentMessage.decode(frame).body?.$case !== 'hello';
  } catch {
    return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
