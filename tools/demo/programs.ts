import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Family } from '../family.ts';
import { STATE } from '../set-up.ts';

/** Starts a program of ours whose output goes to .ctfleet/logs/NAME.log. `onLine` sees each line of its standard output. */
export function startProgram(family: Family, name: string, command: string, args: string[], env: Record<string, string>, onLine?: (line: string) => void): ChildProcess {
  mkdirSync(path.join(STATE, 'logs'), { recursive: true });
  const log = createWriteStream(path.join(STATE, 'logs', `${name}.log`));
  const child = family.spawn(command, args, { env: { ...process.env, ...env } });
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

/** The first line of a program's output that satisfies `find`. Rejects if the program ends before. */
export function startUntil<T>(family: Family, name: string, command: string, args: string[], env: Record<string, string>, find: (line: string) => T | undefined): Promise<{ child: ChildProcess; found: T }> {
  return new Promise((resolve, reject) => {
    const child = startProgram(family, name, command, args, env, (line) => {
      const found = find(line);
      if (found !== undefined) resolve({ child, found });
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it was ready; see .ctfleet/logs/${name}.log`)));
  });
}
