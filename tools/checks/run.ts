import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT } from '../set-up.ts';

/** Runs a program of node_modules/.bin with its output shown; true if it ended well. */
export function runTool(command: string, args: string[], env: Record<string, string> = {}): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(path.join(ROOT, 'node_modules/.bin', command), args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
