import { ControllerMessage, type Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import type { Command } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { AgentFrames, emptyBatch, honestResult, kindOf } from './agent-frames.ts';
import { AttackedController, type Place } from './attacked-controller.ts';
import { Findings, Progress, Tally, type TrialOptions, type TrialReport } from './findings.ts';
import { KnownIds } from './known-ids.ts';
import { Neighbours } from './neighbours.ts';
import { openAllPages, readOperations } from './pages.ts';
import { Random } from './random.ts';
import { callUnread, RawGateway, type RawStream } from './raw-gateway.ts';

/** Another one is enrolled when all existing ones are resting, as they must after being cut. */
const MAX_GATEWAYS = 4000;
/** How long a gateway leaves the link to others after a session that was not cut. */
const REST_MS = 5000;
const AT_ONCE = 8;
const FRAMES_A_SESSION = 250;
const WARM_FRAMES = 20_000;
const FRAMES_BETWEEN_PAGES = 50_000;
/** A stream that has been neither welcomed nor ended after this long is a finding. */
const SILENT_MS = 60_000;
/** A controller may throttle a gateway that sends too much: the session is then abandoned, and others continue. */
const HELD_BACK_MS = 3000;
const KEPT_FRAMES = 24;
const MAX_COMMANDS = 16;
/** Undecodable frames are kept rare, so that sessions survive: of a thousand generated, this many are sent. */
const KEPT_UNDECODABLE = 150;
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

interface HostileGateway {
  gateway: RawGateway;
  restsUntilMs: number;
  commandIds: string[];
}

class FramesToController {
  readonly #options: TrialOptions;
  readonly #controller: AttackedController;
  readonly #findings: Findings;
  readonly #tally = new Tally();
  readonly #ids = new KnownIds();
  readonly #random: Random;
  readonly #frames: AgentFrames;
  readonly #progress: Progress;
  readonly #online = new Set<RawGateway>();
  readonly #gateways: HostileGateway[] = [];
  #sent = 0;
  #isWarm = false;
  #enrolled = 0;

  constructor(options: TrialOptions, controller: AttackedController, findings: Findings) {
    [this.#options, this.#controller, this.#findings] = [options, controller, findings];
    this.#random = new Random(options.seed);
    this.#frames = new AgentFrames(this.#random, this.#ids);
    this.#progress = new Progress(options);
  }

  async run(): Promise<TrialReport> {
    const controller = this.#controller;
    const [hostile, other] = [await controller.makePlace('Hostile'), await controller.makePlace('Honest')];
    const neighbours = await Neighbours.start(controller, [hostile, other], this.#findings, this.#tally);
    for (let number = 0; number < AT_ONCE; number++) await this.#enrolGateway(hostile);
    await this.#makeRemediation(hostile);
    for (const id of [...neighbours.gatewayIds, hostile.tenantId, other.tenantId]) this.#ids.note('any', id);
    const operations = readOperations();
    const others = [this.#operate(hostile), this.#enrolForever(hostile)];
    for (let stopAt = this.#options.count; this.#goesOn(this.#options.count); stopAt = this.#sent + FRAMES_BETWEEN_PAGES) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => this.#attackUntil(hostile, Math.min(stopAt, this.#options.count))));
      await openAllPages(controller, operations, this.#findings);
      controller.process.readLog();
      await controller.process.warmedUp();
      this.#isWarm = true;
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
      trial: 'frames-to-controller',
      count: this.#sent,
      failures: this.#findings.count,
      crashes: controller.process.crashes,
      rssGrowthMb,
      perSecond,
      tally: this.#tally,
      findings: this.#findings.list(),
    };
  }

  #isOver = false;

  #goesOn(stopAt: number): boolean {
    const tellsMore = this.#progress.goesOn(this.#sent, () => JSON.stringify({ findings: this.#findings.count, ...this.#tally.toJSON() }));
    return (
      tellsMore &&
      this.#controller.process.isAlive &&
      this.#sent < stopAt &&
      (this.#isWarm || !this.#progress.isWarm(this.#sent, WARM_FRAMES))
    );
  }

  async #enrolGateway(place: Place): Promise<HostileGateway> {
    const identity = await this.#controller.enrol(place, `hostile-gw${this.#enrolled++}`);
    this.#ids.note('gatewayId', identity.response.gatewayId);
    this.#ids.note('any', identity.response.gatewayId);
    const enrolled = { gateway: new RawGateway(this.#controller.linkAddress, identity), restsUntilMs: 0, commandIds: [] };
    this.#gateways.push(enrolled);
    return enrolled;
  }

  /** So that there is something whose runs can be reported. */
  async #makeRemediation({ tenantId }: Place): Promise<void> {
    const document = {
      name: 'Watched',
      mode: 'observe' as const,
      trigger: { kind: 'wan-down' as const },
      filter: 'stale:yes wan:$wan',
      limits: { maxFlows: 10, maxPercentOfTable: 10 },
    };
    const { id } = await this.#controller.api.call(routes.createRemediation, { body: { tenantId, document } });
    this.#ids.note('remediationId', id);
  }

  /** Runs session after session, on any gateway that may dial, until enough frames have been sent. */
  async #attackUntil(place: Place, stopAt: number): Promise<void> {
    while (this.#goesOn(stopAt)) {
      const rested = this.#gateways.find(({ restsUntilMs }) => restsUntilMs <= performance.now());
      if (!rested && this.#gateways.length >= MAX_GATEWAYS) {
        await pause(20);
        continue;
      }
      const free = rested ?? (await this.#enrolGateway(place));
      free.restsUntilMs = Infinity;
      free.restsUntilMs = performance.now() + (await this.#session(free, stopAt));
    }
  }

  /** One session: hello, many frames, and a last one that must be receipted. Returns how long the gateway must rest, in milliseconds. */
  async #session(hostile: HostileGateway, stopAt: number): Promise<number> {
    const { gateway } = hostile;
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
      else if (body?.$case === 'command') this.#hold(hostile, stream, body.value);
    };
    const say = async (frame: Buffer): Promise<boolean> => {
      this.#sent += 1;
      sent.push(frame);
      if (sent.length > KEPT_FRAMES) sent.shift();
      return stream.say(frame, HELD_BACK_MS);
    };
    let isRead = await say(random.perMille(970) ? this.#frames.hello() : this.#frames.any(hostile.commandIds));
    if (await this.#until(stream, () => isWelcome, SILENT_MS)) this.#online.add(gateway);
    else if (!stream.isOver) this.#findings.add('a stream got neither a welcome nor an end', sent[0]!.toString('hex').slice(0, 2000));
    for (let frames = 0; isRead && isWelcome && !stream.isOver && frames < FRAMES_A_SESSION && this.#sent < stopAt; frames++) {
      const frame = this.#frames.any(hostile.commandIds);
      const kind = kindOf(frame);
      if (kind !== 'decodable' && !random.perMille(KEPT_UNDECODABLE)) continue;
      this.#tally.add(kind);
      isRead = await say(frame);
    }
    if (isRead && isWelcome && !stream.isOver) {
      const batch = 2n ** 40n + BigInt(random.below(2 ** 32));
      await say(emptyBatch(batch));
      if (await this.#until(stream, () => receipt === batch, HELD_BACK_MS)) this.#tally.add('sessions handled to their end');
    }
    if (isWelcome && !stream.isOver && receipt === 0n) this.#tally.add('sessions throttled');
    this.#online.delete(gateway);
    if (!stream.isOver) stream.cancel();
    const { status, code, detail } = await stream.ended;
    this.#tally.add(`session ended: ${code || status}${code === 'INVALID_REQUEST' ? `: ${detail.slice(0, 60)}` : ''}`);
    if (code === 'INTERNAL')
      this.#findings.add(
        `a session ended with INTERNAL: ${detail}`,
        sent
          .map((frame) => frame.toString('hex').slice(0, 600))
          .reverse()
          .join('\n'),
      );
    const [, seconds] = /again in (\d+) s/.exec(detail) ?? [];
    return code === 'GATEWAY_SET_ASIDE' ? Infinity : seconds === undefined ? REST_MS : Number(seconds) * 1000;
  }

  /** Waits for something in a session; false if it ended first, or if that did not come in time. */
  async #until(stream: RawStream, holds: () => boolean, patienceMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + patienceMs;
    while (!holds() && !stream.isOver && performance.now() < deadlineMs) await pause(5);
    return holds();
  }

  /** Commands are remembered, and occasionally their results are honest, so that flushes proceed. */
  #hold({ commandIds }: HostileGateway, stream: RawStream, command: Command): void {
    for (const kind of ['commandId', 'any']) this.#ids.note(kind, command.id);
    if (!commandIds.includes(command.id) && commandIds.push(command.id) > MAX_COMMANDS) commandIds.shift();
    if (command.work?.$case === 'runPlan') this.#ids.note('planId', command.work.value.planId);
    if (this.#random.perMille(200)) void stream.say(honestResult(command.id), HELD_BACK_MS);
  }

  async #answer(gateway: RawGateway, query: Query): Promise<void> {
    this.#ids.note('queryId', query.id);
    const parts = this.#frames.answer(query);
    this.#sent += parts.length;
    this.#tally.add('parts of answers', parts.length);
    this.#tally.add(`answer ended: ${(await gateway.answer(parts)).status}`);
  }

  /** Somebody works with the hostile gateways: searches, plans, flushes, so that there is something to lie about. */
  async #operate(place: Place): Promise<void> {
    const { api } = this.#controller;
    while (!this.#isOver && this.#controller.process.isAlive) {
      const scope = { gateways: [...this.#online].map(({ identity }) => identity.response.gatewayId) };
      if (scope.gateways.length === 0) {
        await pause(20);
        continue;
      }
      await this.#expectProblem('a search of hostile gateways', () =>
        api.call(routes.searchFlows, {
          body: { filter: 'proto:udp', scope, sort: { field: this.#random.pick(['src', 'bytes', 'age'] as const) } },
        }),
      );
      await this.#expectProblem('a search of a hostile tenant', () =>
        api.call(routes.searchFlows, { body: { filter: '', scope: { tenants: [place.tenantId] } } }),
      );
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

  /** What hostile gateways send may have a call refused, with a message; never INTERNAL. */
  async #expectProblem(what: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
      this.#tally.add(what);
    } catch (error) {
      const { message, name } = error as Error;
      if (name === 'ZodError' || / 500|went wrong on our side|rows that cannot be read|had not begun/.test(message))
        this.#findings.add(`${what}: ${message.slice(0, 200)}`, message);
      else this.#tally.add(`${what}, refused`);
    }
  }

  /** Enrolment requests from whoever can reach the port. */
  async #enrolForever(place: Place): Promise<void> {
    const { api, ca, enrolAddress } = this.#controller;
    while (!this.#isOver && this.#controller.process.isAlive) {
      await this.#controller.forgetTries();
      const { token } = await api.call(routes.createEnrolmentToken, { body: { siteId: place.siteId, gatewayName: 'nobody' } });
      for (let count = 0; count < 25; count++) {
        const request = this.#frames.enrolment(token);
        this.#sent += 1;
        const { status, code } = await callUnread(enrolAddress, ca, '/ctfleet.v1.Enrolment/Enrol', request);
        this.#tally.add(`enrolment ended: ${code || status}`);
        if (code === 'INTERNAL') this.#findings.add('an enrolment ended with INTERNAL', request.toString('hex').slice(0, 2000));
      }
      await pause(2000);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
