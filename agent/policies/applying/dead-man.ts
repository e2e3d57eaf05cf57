import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BootClock } from '../../time/boot-clock.ts';
import type { ChangeRecord } from './change-record.ts';
import { networkNamespace, networkNamespaceOf } from './process-identity.ts';

/** What puts a gateway back when nobody confirms, whatever becomes of the agent. */
export interface DeadMan {
  /** Resolves once nothing but the end of the gateway can keep it from acting. Throws if it cannot be started. */
  start(record: ChangeRecord): Promise<void>;
}

/** The program takes a tenth of a second to start; on a machine that is very busy, seconds. */
const MAX_START_MS = 20_000;
// Run from source the watchdog is TypeScript too; run from build it is not.
const WATCHDOG = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './watchdog.ts' : './watchdog.js', import.meta.url));

/**
 * A timer of systemd where that runs and has this network namespace, since a service manager ends all processes of a service with it; else,
 * or if systemd does not take it, a process of our own in a session of its own.
 */
export function deadManOf(stateDir: string, clock: Pick<BootClock, 'bootMs'>): DeadMan {
  return {
    async start(record) {
      if (isSystemdHere() && (await runs('systemd-run', systemdArguments(record, stateDir, clock.bootMs())))) return;
      await startProcess(stateDir, record);
    },
  };
}

/** `systemd-run` with a timer that is not late by the usual minute. It does not count the time in which the machine is suspended. */
export function systemdArguments(
  { id, deadlineBootMs }: Pick<ChangeRecord, 'id' | 'deadlineBootMs'>,
  stateDir: string,
  nowBootMs: number,
): string[] {
  return [
    '--quiet',
    '--collect',
    `--unit=ctfleet-policy-${id}`,
    '--description=Puts the tracking policy of this gateway back unless it is confirmed',
    `--on-active=${Math.max(0, deadlineBootMs - nowBootMs)}ms`,
    '--timer-property=AccuracySec=100ms',
    '--',
    process.execPath,
    WATCHDOG,
    stateDir,
    id,
  ];
}

/** As sd_booted(3) tells it. A process that systemd starts is in the namespace of the first process. */
function isSystemdHere(): boolean {
  return existsSync('/run/systemd/system') && networkNamespaceOf(1) === networkNamespace();
}

function runs(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', timeout: MAX_START_MS });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

function startProcess(stateDir: string, { id }: ChangeRecord): Promise<void> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, [WATCHDOG, stateDir, id], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: '/',
    env: { ...(PATH && { PATH }), ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }) },
  });
  return new Promise<void>((resolve, reject) => {
    const refused = (why: string): void => {
      child.kill('SIGKILL');
      reject(new Error(`what would put the gateway back could not be started: ${why}`));
    };
    const timer = setTimeout(() => refused('it did not say that it is ready'), MAX_START_MS);
    child.once('error', (error) => refused(error.message));
    child.once('exit', (code, signal) => refused(`it ended with ${code ?? signal}`));
    child.stdout.once('data', () => {
      resolve();
      child.removeAllListeners('exit');
      child.stdout.destroy();
      child.unref();
    });
    child.stdout.once('close', () => clearTimeout(timer));
  });
}
