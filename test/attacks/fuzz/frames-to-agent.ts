import { mkdtempSync, openSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AgentMessage, AnswerPart, type Hello, type Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { Method, Result_State } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { NODE_FLAGS } from '../../faults/programs.ts';
import { ControllerFrames, filterOf, frameOf, isDecodable, searchFor } from './controller-frames.ts';
import { Findings, Progress, Tally, type TrialOptions, type TrialReport } from './findings.ts';
import { KnownIds } from './known-ids.ts';
import { Random } from './random.ts';
import { RawController, type AgentSession } from './raw-controller.ts';
import { BAIT, STATIC_FLOWS } from './static-flows.ts';
import { COLLECTABLE, WatchedProcess } from './watched-process.ts';

const FRAMES_BETWEEN_LOOKS = 500;
const WARM_FRAMES = 20_000;
const KEPT_FRAMES = 24;
/** Far more than a busy machine needs for any answer. */
const SILENT_MS = 60_000;
/** A million frames may end the agent more than once; each cause is looked for. */
const MAX_CRASHES = 20;
/** No controller ever counts this many sessions and commands. */
const MAX_COUNTED = 2n ** 53n;

/** Mutated frames to the real agent from a controller with a valid certificate. The table keeps all flows that no honest plan named. */
export async function framesToAgent(options: TrialOptions): Promise<TrialReport> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-fuzz-'));
  const family = new ProcessGroup();
  const stateDir = path.join(dir, 'agent');
  const controller = await RawController.start(stateDir);
  try {
    return await new FramesToAgent(options, controller, { dir, stateDir, family }).run();
  } finally {
    controller.stop();
    await family.end();
    if (process.env.CTFLEET_FUZZ_KEEP === undefined) rmSync(dir, { recursive: true, force: true });
  }
}

/** What the agent has reported for one of our queries. */
interface Told {
  total?: number;
  digest?: Buffer;
  failure?: string;
  isOver: boolean;
}

class FramesToAgent {
  readonly #home: { dir: string; stateDir: string; family: ProcessGroup };
  readonly #findings = new Findings();
  readonly #tally = new Tally();
  readonly #ids = new KnownIds();
  readonly #random: Random;
  readonly #frames: ControllerFrames;
  readonly #progress: Progress;
  readonly #told = new Map<string, Told>();
  readonly #results = new Map<string, string>();
  readonly #sessions: AgentSession[] = [];
  readonly #latest: Buffer[] = [];
  #process: WatchedProcess | undefined;
  #crashes = 0;
  #sent = 0;
  #epoch = 0n;
  #planned = 0;

  constructor(options: TrialOptions, controller: RawController, home: { dir: string; stateDir: string; family: ProcessGroup }) {
    this.#home = home;
    this.#random = new Random(options.seed);
    this.#frames = new ControllerFrames(this.#random, this.#ids);
    this.#progress = new Progress(options);
    controller.onSession = (session) => this.#sessions.push(session);
    controller.onAnswerPart = (part) => this.#hear(part);
  }

  async run(): Promise<TrialReport> {
    let isWarm = false;
    while (this.#goesOn() && this.#crashes < MAX_CRASHES) {
      if (!this.#process?.isAlive) this.#startAgent();
      const session = await this.#nextSession();
      if (!session) continue;
      await this.#look(session);
      while (!session.isOver && this.#goesOn()) {
        await this.#attack(session);
        await this.#look(session);
        if (!isWarm && this.#progress.isWarm(this.#sent, WARM_FRAMES)) {
          isWarm = true;
          await this.#process?.warmedUp();
        }
      }
      session.close();
    }
    const perSecond = this.#progress.perSecond(this.#sent);
    const rssGrowthMb = (await this.#process?.growthMb()) ?? 0;
    this.#noteCrash();
    this.#process?.readLog();
    if (this.#process) this.#process.isStopping = true;
    return {
      trial: 'frames-to-agent',
      count: this.#sent,
      failures: this.#findings.count,
      crashes: this.#crashes,
      rssGrowthMb,
      perSecond,
      tally: this.#tally,
      findings: this.#findings.list(),
    };
  }

  #goesOn(): boolean {
    return this.#progress.goesOn(this.#sent, () => JSON.stringify({ findings: this.#findings.count, ...this.#tally.toJSON() }));
  }

  #startAgent(): void {
    this.#noteCrash();
    const log = path.join(this.#home.dir, `agent-${this.#crashes}.log`);
    const output = openSync(log, 'a');
    const child = this.#home.family.spawn(
      process.execPath,
      [...NODE_FLAGS, ...COLLECTABLE, path.join(import.meta.dirname, 'agent-program.ts')],
      {
        env: { ...process.env, CTFLEET_STATE_DIR: this.#home.stateDir },
        stdio: ['ignore', output, output],
      },
    );
    this.#process = new WatchedProcess(child, log, this.#findings);
    this.#planned = 0;
  }

  #noteCrash(): void {
    if (!this.#process || this.#process.crashes === 0) return;
    this.#crashes += 1;
    this.#process.crashes = 0;
    this.#process.readLog();
    this.#findings.add(
      'frames before the agent ended',
      this.#latest
        .map((frame) => frame.toString('hex').slice(0, 1000))
        .reverse()
        .join('\n'),
    );
  }

  /** The agent redials by itself after a crash or after a frame it rejected; hello and welcome are honest. */
  async #nextSession(): Promise<AgentSession | undefined> {
    if (!(await this.#until(undefined, () => this.#sessions.length > 0))) {
      if (this.#process?.isAlive) this.#findings.add('the agent did not dial again', '');
      return undefined;
    }
    const session = this.#sessions.pop()!;
    this.#sessions.splice(0);
    let hello: Hello | undefined;
    session.listen((frame) => {
      const { body } = AgentMessage.decode(frame);
      if (body?.$case === 'hello') hello = body.value;
      else if (body?.$case === 'result') this.#results.set(body.value.commandId, body.value.reason || Result_State[body.value.state]);
      else if (body?.$case === 'unreadable') this.#tally.add('told unreadable');
    });
    if (!(await this.#until(session, () => hello !== undefined))) return undefined;
    const { lastEpoch, lastSeq } = hello!;
    if (lastEpoch > MAX_COUNTED || lastSeq > MAX_COUNTED)
      this.#findings.add('the agent believed a count that no controller reaches', `epoch ${lastEpoch}, command ${lastSeq}`);
    // As a controller does whose agents are ahead of it.
    else if (lastEpoch > this.#epoch) this.#epoch = lastEpoch;
    this.#epoch += 1n;
    this.#frames.seen(lastSeq);
    this.#tally.add('sessions');
    await session.say(
      frameOf({
        $case: 'welcome',
        value: {
          epoch: this.#epoch,
          controllerTimeMs: BigInt(Date.now()),
          sampleIntervalMs: 10_000,
          gatewayId: '',
          pingIntervalMs: 10_000,
        },
      }),
    );
    return session;
  }

  async #attack(session: AgentSession): Promise<void> {
    for (let frames = 0; frames < FRAMES_BETWEEN_LOOKS && !session.isOver && this.#goesOn(); frames++) {
      const frame = this.#frames.any();
      this.#sent += 1;
      this.#tally.add(isDecodable(frame) ? 'decodable' : 'undecodable');
      this.#latest.push(frame);
      if (this.#latest.length > KEPT_FRAMES) this.#latest.shift();
      await session.say(frame);
    }
  }

  /** Honest queries between the frames: all flows are there, except those that one of our plans named. */
  async #look(session: AgentSession): Promise<void> {
    for (const { name, count, dport } of STATIC_FLOWS) {
      const told = await this.#ask(session, searchFor(`dport:${dport}`));
      if (!told) return;
      const mayBeGone = name === BAIT ? this.#planned : 0;
      if (told.total === undefined)
        this.#findings.add(`an honest search failed: ${told.failure}`, this.#latest.at(-1)?.toString('hex') ?? '');
      else if (told.total > count || told.total < count - mayBeGone) {
        this.#findings.add(
          `flows are gone that no plan named (${name})`,
          `${told.total} of ${count}, ${mayBeGone} named\n${this.#latest
            .map((frame) => frame.toString('hex').slice(0, 1000))
            .reverse()
            .join('\n')}`,
        );
      } else this.#tally.add('honest searches answered');
    }
    if (this.#planned < STATIC_FLOWS[0].count / 2 && this.#random.perMille(200)) await this.#endOneFlow(session);
  }

  /** An honest plan of one flow and the command that names it. A hostile command that uses its digest can end that flow and no other. */
  async #endOneFlow(session: AgentSession): Promise<void> {
    const planId = this.#random.uuid();
    const filter = filterOf(`dport:5060 sport:${20_000 + this.#planned}`);
    this.#planned += 1;
    const told = await this.#ask(session, {
      $case: 'plan',
      value: { planId, filter, method: Method.METHOD_DELETE, expiresAtMs: BigInt(Date.now() + 600_000), maxFlows: 10 },
    });
    if (!told?.digest) {
      if (told) this.#findings.add(`an honest plan was refused: ${told.failure}`, '');
      return;
    }
    const id = this.#random.uuid();
    const work = { $case: 'runPlan', value: { planId, digest: told.digest, method: Method.METHOD_DELETE, verifyAfterMs: 0 } } as const;
    await session.say(
      frameOf({
        $case: 'command',
        value: { id, seq: BigInt(this.#frames.nextSeq()), epoch: this.#epoch, notAfterMs: BigInt(Date.now() + 60_000), work },
      }),
    );
    if (!(await this.#until(session, () => this.#results.has(id)))) return;
    this.#tally.add(`honest commands: ${this.#results.get(id)}`);
    this.#results.clear();
    this.#ids.note('planId', planId);
    this.#ids.note('digest', told.digest.toString('hex'));
    for (const kind of ['commandId', 'any']) this.#ids.note(kind, id);
  }

  /** Asks, and waits for the end of the answer; undefined if the session ended first. */
  async #ask(session: AgentSession, ask: NonNullable<Query['ask']>): Promise<Told | undefined> {
    const id = this.#random.uuid();
    const told: Told = { isOver: false };
    this.#told.set(id, told);
    await session.say(frameOf({ $case: 'query', value: { id, deadlineMs: SILENT_MS, ask } }));
    await this.#until(session, () => told.isOver);
    this.#told.delete(id);
    return told.isOver ? told : undefined;
  }

  #hear(bytes: Buffer): boolean {
    const { queryId, part } = AnswerPart.decode(bytes);
    const told = this.#told.get(queryId);
    if (!told) {
      this.#ids.note('queryId', queryId);
      return this.#random.perMille(500);
    }
    if (part?.$case === 'head') told.total = Number(part.value.total);
    else if (part?.$case === 'end') [told.digest, told.isOver] = [part.value.digest, true];
    else if (part?.$case === 'failure') [told.failure, told.isOver] = [`${part.value.code}: ${part.value.detail}`, true];
    return true;
  }

  /** Waits for something; false if the session or the agent ended first. Whatever takes too long is a finding. */
  async #until(session: AgentSession | undefined, holds: () => boolean): Promise<boolean> {
    const deadlineMs = performance.now() + SILENT_MS;
    while (!holds() && !session?.isOver && this.#process?.isAlive) {
      if (performance.now() > deadlineMs) {
        if (session)
          this.#findings.add(
            'the agent did not answer',
            this.#latest
              .map((frame) => frame.toString('hex').slice(0, 1000))
              .reverse()
              .join('\n'),
          );
        session?.close();
        return false;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return holds();
  }
}
