import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { CpuCounters } from '../table.ts';
import { parseProcStat } from './proc-stat.ts';

const SYSCTLS = '/proc/sys/net/netfilter';

/**
 * A sysctl kept open: reading it again costs about a microsecond. It stays bound to the network namespace it was opened in. A missing
 * sysctl is looked for at each reading, since nf_conntrack may be loaded after the agent.
 */
export class OpenSysctl {
  readonly #file: string;
  readonly #buffer = Buffer.alloc(32);
  #fd: number | undefined;

  constructor(name: string, directory = SYSCTLS) {
    this.#file = `${directory}/${name}`;
    this.#open();
  }

  /** Its number; undefined if there is no such sysctl. */
  read(): number | undefined {
    const fd = this.#fd ?? this.#open();
    if (fd === undefined) return undefined;
    try {
      const length = readSync(fd, this.#buffer, 0, this.#buffer.length, 0);
      return wholeNumber(this.#buffer.toString('latin1', 0, length));
    } catch {
      this.close();
      return undefined;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): number | undefined {
    try {
      this.#fd = openSync(this.#file, 'r');
    } catch {
      this.#fd = undefined;
    }
    return this.#fd;
  }
}

/** Buckets of the hash; undefined if the kernel does not say. */
export function readBuckets(): number | undefined {
  return readSysctl('nf_conntrack_buckets');
}

export function readSysctl(name: string): number | undefined {
  try {
    return wholeNumber(readFileSync(`${SYSCTLS}/${name}`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Per-CPU counters of /proc/net/stat/nf_conntrack; empty if the kernel was built without CONFIG_NF_CONNTRACK_PROCFS. */
export function readProcStat(): CpuCounters[] {
  try {
    return parseProcStat(readFileSync('/proc/net/stat/nf_conntrack', 'latin1'));
  } catch {
    return [];
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
