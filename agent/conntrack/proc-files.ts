import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { CpuCounters } from './table.ts';
import { parseProcStat } from './proc-stat.ts';

const SYSCTLS = '/proc/sys/net/netfilter';

/** A sysctl kept open: reading it again costs about a microsecond. It stays with the network namespace it was opened in. */
export class OpenSysctl {
  readonly #fd: number | undefined;
  readonly #buffer = Buffer.alloc(32);

  constructor(name: string) {
    try {
      this.#fd = openSync(`${SYSCTLS}/${name}`, 'r');
    } catch {
      this.#fd = undefined;
    }
  }

  /** The number it holds, undefined if there is no such sysctl. */
  read(): number | undefined {
    if (this.#fd === undefined) return undefined;
    const length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, 0);
    return wholeNumber(this.#buffer.toString('latin1', 0, length));
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Buckets of the hash, undefined if the kernel does not say. */
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

/** Per-CPU counters of /proc/net/stat/nf_conntrack; none where the kernel was built without CONFIG_NF_CONNTRACK_PROCFS. */
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
