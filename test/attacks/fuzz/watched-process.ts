import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import type { Findings } from './findings.ts';

/** Node's flags for a program whose garbage can be collected on demand. */
export const COLLECTABLE = ['--expose-gc', '--import', path.join(import.meta.dirname, 'collect-on-signal.ts')];
const SETTLE_ROUNDS = 6;
const SETTLE_MS = 250;

interface LogLine {
  msg?: string;
  code?: string;
  err?: { type?: string; message?: string; stack?: string; code?: string | number };
}

/** A program under attack: whether it is alive, how large it is, and what it logs. */
export class WatchedProcess {
  /** Set once its end is intended. */
  isStopping = false;
  crashes = 0;
  readonly #child: ChildProcess;
  readonly #findings: Findings;
  readonly #log: string;
  #read = 0;
  #rest = '';
  #baseline: number | undefined;

  constructor(child: ChildProcess, log: string, findings: Findings) {
    [this.#child, this.#log, this.#findings] = [child, log, findings];
    child.once('exit', (code, signal) => {
      if (this.isStopping) return;
      this.crashes += 1;
      findings.add('the program ended', `${code ?? signal}: ${readFileSync(log, 'utf8').slice(-3000)}`);
    });
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident bytes after garbage collection, with no work in progress. */
  async settledBytes(): Promise<number> {
    let least = Infinity;
    for (let round = 0; round < SETTLE_ROUNDS && this.isAlive; round++) {
      this.#child.kill('SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')) ?? [];
      least = Math.min(least, Number(kilobytes ?? 0) * 1024);
    }
    return least === Infinity ? 0 : least;
  }

  /** The program is warm: growth counts from here. Only the first call has an effect. */
  async warmedUp(): Promise<void> {
    this.#baseline ??= await this.settledBytes();
  }

  /** Growth since it was warm; 0 if it never was, or has ended. */
  async growthMb(): Promise<number> {
    return this.#baseline === undefined || !this.isAlive ? 0 : Math.round(((await this.settledBytes()) - this.#baseline) / 1e5) / 10;
  }

  /** Reads what was logged since the last call; an unexpected line is a finding. */
  readLog(): void {
    const file = openSync(this.#log, 'r');
    try {
      const bytes = Buffer.alloc(1 << 20);
      for (
        let count = readSync(file, bytes, 0, bytes.length, this.#read);
        count > 0;
        count = readSync(file, bytes, 0, bytes.length, this.#read)
      ) {
        this.#read += count;
        const lines = (this.#rest + bytes.toString('utf8', 0, count)).split('\n');
        this.#rest = lines.pop() ?? '';
        lines.forEach((line) => this.#judge(line));
      }
    } finally {
      closeSync(file);
    }
  }

  /** A refusal is a FleetError with a code, or plain text; any other error was unforeseen. */
  #judge(line: string): void {
    // Only the first of several lines that are not log lines is reported; a stack follows, which the final example includes.
    if (/^(?:\s|\}|$|\(Use `node|Node\.js v)|DeprecationWarning/.test(line)) return;
    if (!line.startsWith('{')) return this.#findings.add(`not a line of a log: ${line.slice(0, 60)}`, line);
    if (!/"level":[456]0/.test(line)) return;
    const { msg, code, err } = JSON.parse(line) as LogLine;
    const isRefusal = err?.type === 'FleetError' && err.code !== 'INTERNAL';
    if (code === 'INTERNAL' || (code === undefined && err !== undefined && !isRefusal))
      this.#findings.add(
        `logged: ${msg}: ${err?.type ?? code ?? ''} ${err?.message?.trim().split('\n').at(-1)?.slice(0, 120) ?? ''}`,
        line,
      );
  }
}
