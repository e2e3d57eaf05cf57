import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { setPriority } from 'node:os';
import path from 'node:path';
import { keepThreadOn, threadCpus } from '../../netlink/thread-cpus.ts';
import { busiestCardCpu, cpusOf, without, type CardNames } from './cpu-choice.ts';

/** On Linux this is the priority of one thread: forwarding and the link go first. */
const NICE = 10;
const INTERFACES = '/sys/class/net';

/** Where the thread that walks the table runs. */
export interface Placement {
  niceness: number;
  /** The CPUs that it may use; absent where the kernel does not say. */
  cpus?: number[];
  /** The one that it stays away from, because it serves the network cards. */
  avoided?: number;
}

/**
 * Puts the calling thread behind the forwarding of packets: of lower priority, and off the CPU that serves the cards if there is another.
 */
export function stepAside(): Placement {
  setPriority(0, NICE);
  const mine = threadCpus();
  if (!mine) return { niceness: NICE };
  const busy = busiestCardCpu(readInterrupts(), cardNames());
  const rest = busy === undefined ? undefined : without(mine, busy);
  return rest && keepThreadOn(rest) ? { niceness: NICE, cpus: cpusOf(rest), avoided: busy } : { niceness: NICE, cpus: cpusOf(mine) };
}

/** Interfaces with a device behind them, and those devices; a bridge, a VLAN or a tunnel has none. */
function cardNames(): CardNames {
  try {
    return readdirSync(INTERFACES).flatMap((name) => {
      const device = deviceOf(name);
      return device === undefined ? [] : [name, device];
    });
  } catch {
    return [];
  }
}

function deviceOf(name: string): string | undefined {
  try {
    return path.basename(realpathSync(path.join(INTERFACES, name, 'device')));
  } catch {
    return undefined;
  }
}

function readInterrupts(): string {
  try {
    return readFileSync('/proc/interrupts', 'latin1');
  } catch {
    return '';
  }
}
