import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import path from 'node:path';

/**
 * Processes and namespaces that must not outlive us, however we end. A reaper in a process group of its own reads from a pipe what
 * exists; when the pipe closes, by an orderly end as by kill -9, it ends the processes and removes the namespaces. There is no
 * second way of cleaning up.
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

  /** Starts a program in a process group of its own, so that a Ctrl-C reaches only us and the order of ending is ours. */
  spawn(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options, detached: true });
    if (child.pid !== undefined) this.adopt(child.pid);
    return child;
  }

  /** Takes in a process that leads its own group; the signal asks it to end. */
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

  /** Ends all of it; resolves when it is gone. */
  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#reaper.once('exit', resolve));
    this.#reaper.stdin!.end();
    await gone;
  }
}
