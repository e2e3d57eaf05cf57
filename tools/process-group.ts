import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import path from 'node:path';

/**
 * Processes and namespaces that must not outlive us, however we exit. A reaper in its own process group reads from a pipe what exists; when
 * the pipe closes, by a normal exit as by kill -9, it ends the processes and removes the namespaces. There is no second way of cleaning up.
 */
export class ProcessGroup {
  readonly #reaper: ChildProcess;

  constructor() {
    this.#reaper = spawn(process.execPath, [path.join(import.meta.dirname, 'reaper.ts')], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
      cwd: '/',
    });
    this.#reaper.stdin!.on('error', () => undefined);
  }

  /** Starts a program in its own process group, so that a Ctrl-C reaches only us and we control the shutdown order. */
  spawn(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options, detached: true });
    if (child.pid !== undefined) this.adopt(child.pid);
    return child;
  }

  /** Adopts a process that leads its own group; the signal asks it to exit. */
  adopt(pid: number, signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#reaper.stdin!.write(`pid ${pid} ${signal}\n`);
  }

  /** Namespaces whose names begin with the prefix and a dash are removed at the end. */
  adoptNamespaces(prefix: string): void {
    this.#reaper.stdin!.write(`netns ${prefix}\n`);
  }

  adoptFile(file: string): void {
    this.#reaper.stdin!.write(`file ${file}\n`);
  }

  /** Ends everything; resolves when it is gone. */
  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#reaper.once('exit', resolve));
    this.#reaper.stdin!.end();
    await gone;
  }
}
