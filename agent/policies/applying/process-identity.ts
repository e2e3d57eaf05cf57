import { readFileSync } from 'node:fs';

/** A process by more than its number, which the kernel gives to another one later. */
export interface ProcessIdentity {
  pid: number;
  /** In the kernel's ticks since its start. */
  startedAt: string;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startedAt: startOf(process.pid)! };
}

/** Ends a process at once, if it is still the same. */
export function killProcess({ pid, startedAt }: ProcessIdentity): void {
  if (pid === process.pid || startOf(pid) !== startedAt) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

/** Undefined for a process that is not there. */
function startOf(pid: number): string | undefined {
  try {
    // The name of the program, in parentheses, may hold anything.
    return /\) (?:\S+ ){19}(\d+) [^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}
