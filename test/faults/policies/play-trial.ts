import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { uptime } from 'node:os';
import { Disk } from '../../../agent/disk/disk.ts';
import { ChangeFolder } from '../../../agent/policies/applying/change-folder.ts';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';
import type { Trial } from './arbitrary-trial.ts';
import type { Answered, Told } from './change-program.ts';
import { processesOf, stateOf, type GatewayState } from './gateway-state.ts';

/** What came of a trial. `broken`: what was promised and is not so. */
export interface Played {
  outcome: 'kept' | 'as before' | 'not begun';
  wasKilled: boolean;
  wasCut: boolean;
  /** From the deadline until the gateway was as before; absent where nobody had to wait for it. */
  lateMs?: number;
  broken: string[];
}

const WITHIN_MS = 1500;
/** What an operator is promised. */
const MAX_LATE_MS = 5000;

/** Plays a trial on a gateway of its own. */
export async function playTrial(trial: Trial, prefix: string): Promise<Played> {
  const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-policy-trial-'));
  let namespace = Namespace.create(prefix);
  const { name } = namespace;
  const folder = new ChangeFolder(stateDir, new Disk());
  const broken: string[] = [];
  let program = new Program(name, stateDir);
  try {
    if (trial.before) expectOk(await program.tell({ do: 'before', spec: trial.before }));
    const before = stateOf(namespace);
    const { document, killAt, fault } = trial;
    const applied = await program.tell({
      do: 'apply',
      document,
      withinMs: WITHIN_MS,
      ...(killAt !== undefined && { killAt }),
      ...(fault && { fault }),
    });
    const wasKilled = applied === undefined;
    const deadlineMs = folder.pending()?.record.deadlineBootMs ?? applied?.deadlineBootMs;
    const inForce = stateOf(namespace);
    const wasCut = inForce.policy !== before.policy;
    if (applied && !applied.ok && !isSame(inForce, before, false)) broken.push(`refused (${applied.why}), and not as before`);
    if (applied?.ok && folder.pending()?.phase !== 'unconfirmed') broken.push('in force, and not waiting to be confirmed');
    const isFlushed = trial.isFlushed && trial.end !== 'confirmed';
    if (isFlushed) namespace.nft('flush ruleset');

    let isKept = false;
    if (trial.end === 'rebuilt' && deadlineMs !== undefined) {
      await program.end();
      namespace.remove();
      namespace = Namespace.named(name);
      const fresh = stateOf(namespace);
      program = new Program(name, stateDir);
      expectOk(await program.tell({ do: 'settle' }));
      await over(stateDir, folder, program.pid);
      if (!isSame(stateOf(namespace), fresh, false)) broken.push('the gateway that was built again was changed');
      return { outcome: 'as before', wasKilled, wasCut, broken };
    }
    if (!wasKilled && trial.end !== 'left alone' && trial.end !== 'rebuilt') {
      const act = ({ confirmed: 'confirm', restored: 'restore', 'agent started': 'settle' } as const)[trial.end];
      const answer = await program.tell({ do: act });
      isKept = act === 'confirm' && answer?.ok === true;
      if (applied.ok && !answer?.ok) broken.push(`${act} was refused: ${answer?.why}`);
      if (!applied.ok && answer?.ok && act !== 'settle' && folder.pending()) broken.push(`${act} of what was refused`);
    }
    await program.end();
    await over(stateDir, folder);
    const lateMs = deadlineMs === undefined ? undefined : uptime() * 1000 - deadlineMs;
    const after = stateOf(namespace);
    if (isKept) {
      if (after.settings !== inForce.settings) broken.push('a setting that was confirmed is another one');
      if (withoutLeftovers(after.policy) !== withoutLeftovers(inForce.policy)) broken.push('the table that was confirmed is another one');
    } else if (!isSame(after, before, isFlushed)) broken.push(differenceOf(before, after));
    if (!isKept && lateMs !== undefined && lateMs > MAX_LATE_MS) broken.push(`put back ${Math.round(lateMs)} ms after the deadline`);
    if ((folder.confirmed() !== undefined) !== isKept) broken.push('what is kept on disk is not what was confirmed');
    const hasWaited = trial.end === 'left alone' || wasKilled;
    return {
      outcome: isKept ? 'kept' : deadlineMs === undefined && !wasKilled ? 'not begun' : 'as before',
      wasKilled,
      wasCut,
      ...(hasWaited && lateMs !== undefined && { lateMs: Math.round(lateMs) }),
      broken,
    };
  } finally {
    await program.end();
    namespace.remove();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Resolves once no process looks after a change any more. A record of which the dead-man was not started yet is settled by who comes next. */
async function over(stateDir: string, folder: ChangeFolder, but?: number): Promise<void> {
  await until('the end of all that look after the change', () => (processesOf(stateDir).some((pid) => pid !== but) ? undefined : true));
  void folder;
}

/** Sets and timeouts that nothing refers to go with the confirmation. */
function withoutLeftovers(policy: string): string {
  return policy
    .split(/\n(?=\t\S)/)
    .filter((block) => !/^\t(set|ct timeout) /.test(block))
    .join('\n');
}

function isSame(a: GatewayState, b: GatewayState, isFlushed: boolean): boolean {
  return a.settings === b.settings && a.policy === b.policy && (isFlushed || a.others === b.others);
}

function differenceOf(before: GatewayState, after: GatewayState): string {
  const part = (['settings', 'policy', 'others'] as const).find((one) => before[one] !== after[one])!;
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
