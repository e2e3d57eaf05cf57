import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BootClock } from '../../time/boot-clock.ts';
import { changesIn } from './change-folder.ts';
import { formatRecord, type ChangeRecord } from './change-record.ts';
import { networkNamespace, networkNamespaceOf } from '../network-namespace.ts';
import { WAIT_SCRIPT } from './wait-script.ts';

/** What puts a gateway back when nobody confirms, whatever becomes of the agent. */
export interface DeadMan {
  /** Resolves once nothing but the end of the gateway can keep it from acting. Throws if it cannot be started. */
  start(record: ChangeRecord): Promise<void>;
}

/** On a machine that is very busy, a program takes seconds to start. */
const MAX_START_MS = 20_000;
/** The watchdog is started so long before the deadline, and at half the time of a short one. */
const LEAD_MS = 3000;
/** By what it is known in a list of processes. */
const NAME = 'ctfleet-policy-dead-man';
/** For the watchdog: the record is not to be read from disk. */
export const FROM_INPUT = '-';
// Run from source the watchdog is TypeScript too; run from build it is not.
const WATCHDOG = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './watchdog.ts' : './watchdog.js', import.meta.url));

/**
 * A timer of systemd where that runs and has this network namespace, since a service manager ends all processes of a service with it; else,
 * or if systemd does not take it, a process that waits in a session of its own.
 */
export function deadManOf(stateDir: string, clock: Pick<BootClock, 'bootMs'>): DeadMan {
  return {
    async start(record) {
      if (isSystemdHere() && (await runs('systemd-run', systemdArguments(record, stateDir, clock.bootMs())))) return;
      await startProcess(stateDir, record, clock.bootMs());
    },
  };
}

/** A gateway that has much to do may have it because of what is to be put back; what this process starts inherits it. */
export function raisePriority(pid: number | undefined = process.pid): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_HIGH);
  } catch {
    // In a container without CAP_SYS_NICE it is one of many.
  }
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

/** The words after the script that waits. */
export function waitingArguments(
  { id, deadlineBootMs, process: changer }: Pick<ChangeRecord, 'id' | 'deadlineBootMs' | 'process'>,
  stateDir: string,
  nowBootMs: number,
): string[] {
  const leftMs = Math.max(0, deadlineBootMs - nowBootMs);
  const waitMs = leftMs - Math.min(LEAD_MS, leftMs / 2);
  const watchdog = [process.execPath, WATCHDOG, stateDir, id, FROM_INPUT];
  return [path.resolve(changesIn(stateDir)), String(Math.floor(waitMs / 10)), String(changer.pid), ...watchdog];
}

function startProcess(stateDir: string, record: ChangeRecord, nowBootMs: number): Promise<void> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn('/bin/sh', ['-c', WAIT_SCRIPT, NAME, ...waitingArguments(record, path.resolve(stateDir), nowBootMs)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
    env: { ...(PATH && { PATH }), ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }) },
  });
  raisePriority(child.pid);
  child.stdin.on('error', () => undefined).end(formatRecord(record));
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
