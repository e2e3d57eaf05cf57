import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from '../set-up.ts';

export interface RunSettings {
  env?: Record<string, string>;
  /** Gives way to what runs beside it, and to all of this machine. */
  isPatient?: boolean;
}

/** A process of this niceness gets a third of what one without gets beside it on a core. */
const PATIENT = 5;

/** Runs a program of node_modules/.bin with its output shown; true if it ended well. */
export function runTool(command: string, args: string[], { env, isPatient = false }: RunSettings = {}): Promise<boolean> {
  return new Promise((resolve) => {
    // By a pipe, not by the terminal itself, where one that draws over its own lines would draw over those of another.
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
