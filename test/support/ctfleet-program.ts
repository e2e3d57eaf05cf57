import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT } from '../../tools/set-up.ts';

/** What a run of the program came to. */
export interface ProgramRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * The command line as a process, without a terminal, with this environment and no other. It is interrupted once it has said `until`, or
 * that has come to pass.
 */
export function runCtfleet(
  args: readonly string[],
  { env, input = '', until }: { env: Readonly<Record<string, string>>; input?: string; until?: RegExp | Promise<unknown> },
): Promise<ProgramRun> {
  const child = spawn(process.execPath, [path.join(ROOT, 'cli/main.ts'), ...args], { env: { PATH: process.env.PATH, ...env } });
  child.stdin.end(input);
  const run: ProgramRun = { code: null, stdout: '', stderr: '' };
  const interrupt = (): boolean => child.kill('SIGINT');
  if (until instanceof Promise) void until.then(interrupt);
  const hear = (part: 'stdout' | 'stderr') => (chunk: Buffer) => {
    run[part] += chunk.toString();
    if (until instanceof RegExp && until.test(run.stdout + run.stderr)) interrupt();
  };
  child.stdout.on('data', hear('stdout'));
  child.stderr.on('data', hear('stderr'));
  return new Promise((resolve) => child.once('close', (code) => resolve({ ...run, code })));
}
