import { readFileSync } from 'node:fs';
import { bootTimeMs, systemClock, type Clock } from './clock.ts';

/** Time since the kernel started: the same for every process, runs on while the machine is suspended, and nobody can set it. */
export interface BootClock extends Pick<Clock, 'delay'> {
  /** Milliseconds. */
  bootMs(): number;
  /** Another one since each start of the kernel. */
  bootId(): string;
}

export const bootClock: BootClock = {
  bootMs: bootTimeMs,
  bootId: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  delay: systemClock.delay,
};
