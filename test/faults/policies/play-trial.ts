import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os, { uptime } from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Disk } from '../../../agent/disk/disk.ts';
import { ChangeFolder } from '../../../agent/policies/applying/change-folder.ts';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';
import type { Trial } from './arbitrary-trial.ts';
import type { Answered, Told } from './change-program.ts';
import { blocksOf, processesOf, stateOf, type GatewayState } from './gateway-state.ts';

/** What came of a trial. `broken`: what was promised and is not so. */
export interface Played {
  /** Of an application that nothing disturbed. */
  steps?: number;
  outcome: 'kept' | 'as before' | 'not begun';
  wasKilled: boolean;
  wasCut: boolean;
  /** From the deadline until the gateway was as before; absent where nobody had to wait for it. */
  lateMs?: number;
  broken: string[];
}

/** Where somebody waits for the deadline, and where nobody is to be surprised by it. */
const [SHORT_MS, LONG_MS] = [1500, 60_000];
type Part = keyof GatewayState;
const ALL_PARTS: readonly Part[] = ['settings', 'policy', 'others'];
const WAITING: readonly Trial['end'][] = ['left alone', 'contested', 'rebuilt'];

/** Plays a trial on a gateway of its own. */
export async function playTrial(trial: Trial, prefix: string): Promise<Played> {
  const stage = new TrialStage(prefix);
  try {
    return await stage.play(trial);
  } finally {
    await stage.end();
  }
}

class TrialStage {
  readonly #stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-policy-trial-'));
  readonly #folder = new ChangeFolder(this.#stateDir, new Disk());
  readonly #broken: string[] = [];
  #namespace: Namespace;
  #program: Program;

  constructor(prefix: string) {
    this.#namespace = Namespace.create(prefix);
    this.#program = this.#start();
  }

  async play(trial: Trial): Promise<Played> {
    if (trial.before) expectOk(await this.#program.tell({ do: 'before', spec: trial.before }));
    const before = stateOf(this.#namespace);
    const { document, killAt, fault } = trial;
    const withinMs = WAITING.includes(trial.end) || killAt !== undefined ? SHORT_MS : LONG_MS;
    const applied = await this.#program.tell({ do: 'apply', document, withinMs, killAt, fault });
    const pending = this.#pending()?.record;
    const deadlineMs = pending?.deadlineBootMs ?? applied?.deadlineBootMs;
    const inForce = stateOf(this.#namespace);
    if (applied && !applied.ok && !isSame(inForce, before)) this.#breaks(`refused (${applied.why}), and not as before`);
    if (applied?.ok && this.#pending()?.phase !== 'unconfirmed' && uptime() * 1000 < deadlineMs!)
      this.#breaks('in force, and not waiting to be confirmed');
    const parts = trial.isFlushed && trial.end !== 'confirmed' ? this.#flush() : ALL_PARTS;
    const played: Omit<Played, 'outcome' | 'broken'> = {
      wasKilled: applied === undefined,
      wasCut: inForce.policy !== before.policy,
      ...(applied?.steps !== undefined && { steps: applied.steps }),
    };
    if (trial.end === 'rebuilt' && deadlineMs !== undefined) {
      await this.#rebuild();
      return { outcome: 'as before', ...played, broken: this.#broken };
    }
    const isKept = await this.#conclude(trial.end, applied, deadlineMs);
    await this.#program.end();
    await over(this.#stateDir);
    const ended = this.#folder.lastOutcome();
    const lateMs = pending && ended?.id === pending.id ? ended.at - pending.deadlineAt : undefined;
    this.#compare({ before, inForce, after: stateOf(this.#namespace), isKept, parts });
    const outcome = isKept ? 'kept' : deadlineMs === undefined && applied ? 'not begun' : 'as before';
    const hasWaited = trial.end === 'left alone' || applied === undefined;
    return { outcome, ...played, ...(hasWaited && lateMs !== undefined && { lateMs }), broken: this.#broken };
  }

  async end(): Promise<void> {
    await this.#program.end();
    for (const pid of processesOf(this.#stateDir)) process.kill(pid, 'SIGKILL');
    this.#namespace.remove();
    rmSync(this.#stateDir, { recursive: true, force: true });
  }

  /** Brings the change to its end; true if it is kept. */
  async #conclude(end: Trial['end'], applied: Answered | undefined, deadlineMs: number | undefined): Promise<boolean> {
    if (end === 'left alone' || end === 'rebuilt' || !applied) return false;
    if (end === 'contested' && deadlineMs !== undefined) await delay(Math.max(0, deadlineMs - uptime() * 1000));
    if (end === 'dead-man killed')
      for (const pid of processesOf(this.#stateDir)) if (pid !== this.#program.pid) process.kill(pid, 'SIGKILL');
    const act = ACTS[end];
    const answer = await this.#program.tell({ do: act });
    if (applied.ok && !answer?.ok && end !== 'contested' && uptime() * 1000 < deadlineMs!)
      this.#breaks(`${act} was refused: ${answer?.why}`);
    return act === 'confirm' && answer?.ok === true;
  }

  #compare({ before, inForce, after, isKept, parts }: Compared): void {
    if (!isKept && !isSame(after, before, parts)) this.#breaks(differenceOf(before, after, parts));
    if (isKept && after.settings !== inForce.settings) this.#breaks('a setting that was confirmed is another one');
    if (isKept && after.policy !== withoutLeftovers(inForce.policy)) this.#breaks('the table that was confirmed is another one');
    if ((this.#folder.confirmed() !== undefined) !== isKept) this.#breaks('what is kept on disk is not what was confirmed');
  }

  /** The gateway is re-created with what it had on disk, and an agent starts there. */
  async #rebuild(): Promise<void> {
    const { name } = this.#namespace;
    await this.#program.end();
    this.#namespace.remove();
    this.#namespace = Namespace.named(name);
    const fresh = stateOf(this.#namespace);
    this.#program = this.#start();
    expectOk(await this.#program.tell({ do: 'settle' }));
    await over(this.#stateDir, this.#program.pid);
    if (!isSame(stateOf(this.#namespace), fresh)) this.#breaks('the gateway that was built again was changed');
  }

  /**
   * Loads the gateway's firewall again, which is empty; what is to be as before then. Our table only if a change was pending all the while.
   */
  #flush(): readonly Part[] {
    if (this.#pending()?.phase !== 'unconfirmed') return ALL_PARTS;
    this.#namespace.nft('flush ruleset');
    return this.#pending()?.phase === 'unconfirmed' ? ['settings', 'policy'] : ['settings'];
  }

  #pending(): ReturnType<ChangeFolder['pending']> {
    return this.#folder.pending();
  }

  #start(): Program {
    return new Program(this.#namespace.name, this.#stateDir);
  }

  #breaks(what: string): void {
    this.#broken.push(what);
  }
}

const ACTS = {
  confirmed: 'confirm',
  restored: 'restore',
  contested: 'restore',
  'agent started': 'settle',
  'dead-man killed': 'settle',
} as const;

interface Compared {
  before: GatewayState;
  inForce: GatewayState;
  after: GatewayState;
  isKept: boolean;
  parts: readonly Part[];
}

/** Resolves once no process looks after a change any more. */
async function over(stateDir: string, but?: number): Promise<void> {
  await until('the end of all that look after the change', () => (processesOf(stateDir).some((pid) => pid !== but) ? undefined : true));
}

/** Without sets and timeouts that no rule refers to, which go with the confirmation. */
function withoutLeftovers(policy: string): string {
  const nameOf = (block: string): string | undefined => /^\t(?:set|ct timeout) (\S+) /.exec(block)?.[1];
  const blocks = blocksOf(policy);
  const [head = '', ...rules] = blocks.filter((block) => nameOf(block) === undefined);
  const standing = blocks.filter((block) => [head, ...rules].join('\n').includes(nameOf(block) ?? ''));
  // The last confirmation takes the table away too.
  return rules.length === 0 ? '' : standing.join('\n');
}

function isSame(a: GatewayState, b: GatewayState, parts = ALL_PARTS): boolean {
  return parts.every((part) => a[part] === b[part]);
}

function differenceOf(before: GatewayState, after: GatewayState, parts: readonly Part[]): string {
  const part = parts.find((one) => before[one] !== after[one])!;
  const lines = (text: string): string[] => text.split('\n');
  const gone = lines(before[part]).filter((line) => !lines(after[part]).includes(line));
  const come = lines(after[part]).filter((line) => !lines(before[part]).includes(line));
  return `${part} not as before: ${[...gone.map((line) => `-${line}`), ...come.map((line) => `+${line}`)].slice(0, 12).join(' | ')}`;
}

function expectOk(answer: Answered | undefined): void {
  if (!answer?.ok) throw new Error(`the stage could not be set: ${answer?.why ?? 'the program ended'}`);
}

/** change-program.ts in a namespace. */
class Program {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #ended: Promise<unknown>;

  constructor(namespace: string, stateDir: string) {
    const file = path.join(import.meta.dirname, 'change-program.ts');
    this.#child = spawn('ip', ['netns', 'exec', namespace, process.execPath, file, stateDir], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = once(this.#child, 'exit');
    this.#child.stdin!.on('error', () => undefined);
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Undefined where it dies over it. */
  async tell(told: Told): Promise<Answered | undefined> {
    this.#child.stdin!.write(`${JSON.stringify(told)}\n`);
    const { value, done } = await this.#lines.next();
    return done ? undefined : (JSON.parse(value as string) as Answered);
  }

  async end(): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
  }
}
