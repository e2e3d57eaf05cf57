import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ProcessGroup } from '../process-group.ts';

/** What a system's programs share: the process group that ends them, and the folder of their logs. */
export interface Home {
  family: ProcessGroup;
  stateDir: string;
}

/** Starts a program of ours whose output goes to logs/NAME.log. `onLine` receives each line of its standard output. */
export function startProgram(
  { family, stateDir }: Home,
  name: string,
  command: string,
  args: string[],
  env: Record<string, string>,
  onLine?: (line: string) => void,
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  mkdirSync(path.join(stateDir, 'logs'), { recursive: true });
  const log = createWriteStream(path.join(stateDir, 'logs', `${name}.log`), { flags: 'a' });
  const child = family.spawn(command, args, { stdio: [stdin, 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let rest = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    log.write(chunk);
    if (!onLine) return;
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  child.stderr!.pipe(log, { end: false });
  return child;
}

/** The first line of a program's output that satisfies `find`. Rejects if the program exits first. */
export function startUntil<T>(
  home: Home,
  name: string,
  command: string,
  args: string[],
  env: Record<string, string>,
  find: (line: string) => T | undefined,
): Promise<{ child: ChildProcess; found: T }> {
  return new Promise((resolve, reject) => {
    const child = startProgram(home, name, command, args, env, (line) => {
      const found = find(line);
      if (found !== undefined) resolve({ child, found });
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${name} exited with ${code} before it was ready; see ${path.join(home.stateDir, 'logs', name)}.log`)),
    );
  });
}
