import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from '../set-up.ts';

export interface RunSettings {
  env?: Record<string, string>;
  /** Yields the CPU to what runs beside it: at 5 it gets a third of the share of a normal process on the same core, at 15 a thirtieth. */
  niceness?: number;
}

/** Runs a program of node_modules/.bin and shows its output; true if it succeeded. */
export function runTool(command: string, args: string[], { env, niceness }: RunSettings = {}): Promise<boolean> {
  return new Promise((resolve) => {
    // Through a pipe, not on the terminal itself, where a program that redraws its own lines would overwrite another's.
    const child = spawn(path.join(ROOT, 'node_modules/.bin', command), args, {
      cwd: ROOT,
      stdio: ['inherit', 'pipe', 'pipe'],
      env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }), ...env },
    });
    child.stdout.pipe(process.stdout, { end: false });
    child.stderr.pipe(process.stderr, { end: false });
    if (niceness !== undefined && child.pid !== undefined) os.setPriority(child.pid, niceness);
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}
