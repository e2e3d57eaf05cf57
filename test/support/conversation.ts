import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnIn } from '../lab/namespace.ts';
import { PATIENCE } from './until.ts';

/** A traffic program of the lab that takes its instructions as lines, and answers in lines. */
export class Conversation {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #wake = (): void => undefined;

  /** @param script a file in test/lab/traffic */
  constructor(namespace: string, script: string, args: (string | number)[]) {
    const file = fileURLToPath(new URL(`../lab/traffic/${script}`, import.meta.url));
    this.#child = spawnIn(namespace, process.execPath, [file, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
  }

  say(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Resolves when it has printed the line, which is then discarded. */
  async heard(line: string, timeoutMs = 60_000 * PATIENCE): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#lines.includes(line)) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(
          `“${line.slice(0, 80)}” was not heard within ${timeoutMs / 1000} s; heard: ${this.#lines.join(', ').slice(0, 400) || 'nothing'}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#lines.splice(this.#lines.indexOf(line), 1);
  }

  /** Sends a line and waits until it comes back. */
  async exchange(line: string): Promise<void> {
    this.say(line);
    await this.heard(line);
  }

  /** Closes its input and returns the last line it prints. */
  async conclude(): Promise<string> {
    this.#child.stdin!.end();
    await once(this.#child, 'close');
    return this.#lines.at(-1) ?? '';
  }

  /** Lines that nobody waited for. */
  get unheard(): readonly string[] {
    return this.#lines;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
