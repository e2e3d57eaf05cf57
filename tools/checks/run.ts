import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from '../set-up.ts';

export interface RunSettings {
  env?: Record<string, string>;
  /** Yields the CPU to what runs beside it, and to everything else on this machine. */
  isPatient?: boolean;
}

/** A process of this niceness gets a third of the share of a normal one on the same core. */
const PATIENT = 5;

/** Runs a program of node_modules/.bin and shows its output; true if it succeeded. */
export function runTool(command: string, args: string[], { env, isPatient = false }: RunSettings = {}): Promise<boolean> {
  return new Promise((resolve) => {
    // Through a pipe, not on the terminal itself, where a program that redraws its own lines would overwrite another's.
    const child = spawn(path.join(ROOT, 'node_modules/.bin', command), args, {
      cwd: ROOT,
      stdio: ['inherit', 'pipe', 'pipe'],
      env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }), ...env },
    });
    child.stdout.pipe(process.stdout, { end: false });
    child.stderr.pipe(process.stderr, { end: false });
    if (isPatient && child.pid !== undefined) os.setPriority(child.pid, PATIENT);
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}
