import { readdirSync, readFileSync } from 'node:fs';

/** The programs of a system, by what they are for. */
export const PROGRAMS = ['controller', 'postgres', 'redis', 'generator'] as const;
export type Program = (typeof PROGRAMS)[number];

/** Processor time since its start, and memory now, of one process; `parent` is the process that started it. */
interface ProcessCost {
  parent: number;
  cpuMs: number;
  rssBytes: number;
}

export type Costs = Record<Program, { cpuMs: number; rssBytes: number }>;

/** USER_HZ of every Linux that Node runs on: what /proc counts ticks in. */
const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** What each program and all that it has started cost. Pages that processes share count for each, so Postgres' memory is too high. */
export function costsOf(roots: Record<Program, number | undefined>): Costs {
  const processes = readProcesses();
  const costs = PROGRAMS.map((program) => {
    const sum = { cpuMs: 0, rssBytes: 0 };
    for (const [pid, cost] of processes) {
      if (!isWithin(processes, pid, roots[program])) continue;
      sum.cpuMs += cost.cpuMs;
      sum.rssBytes += cost.rssBytes;
    }
    return [program, sum] as const;
  });
  return Object.fromEntries(costs) as Costs;
}

/** Resident bytes of one process. */
export function residentBytes(pid: number): number {
  return readProcess(pid)?.rssBytes ?? 0;
}

/** Shares of one core that were used between two readings. */
export function coreShares(before: Costs, after: Costs, elapsedMs: number): Record<Program, number> {
  return Object.fromEntries(PROGRAMS.map((program) => [program, (after[program].cpuMs - before[program].cpuMs) / elapsedMs])) as Record<
    Program,
    number
  >;
}

function isWithin(processes: ReadonlyMap<number, ProcessCost>, pid: number, root: number | undefined): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = processes.get(at)?.parent) if (at === root) return true;
  return false;
}

function readProcesses(): Map<number, ProcessCost> {
  return new Map(
    readdirSync('/proc').flatMap((name): [number, ProcessCost][] => {
      const cost = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
      return cost ? [[Number(name), cost]] : [];
    }),
  );
}

/** Undefined for one that has ended meanwhile. */
function readProcess(pid: number): ProcessCost | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Fields as proc_pid_stat(5) numbers them; the second, the name, may hold blanks and brackets. */
export function parseStat(line: string): ProcessCost {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  // 16 and 17: of children that have ended and been waited for, as Postgres' have after each connection.
  return { parent: field(4), cpuMs: (field(14) + field(15) + field(16) + field(17)) * TICK_MS, rssBytes: field(24) * PAGE_BYTES };
}
