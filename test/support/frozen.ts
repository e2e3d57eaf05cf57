import { readdirSync, readFileSync } from 'node:fs';
import type { Postgres } from '../../tools/postgres.ts';

/** The process and all its descendants: each Postgres connection is a process in a group of its own. */
function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [pid];
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found;
}

function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Stops every process of the server: connections stay open and nothing is answered. Returns how to resume; safe to call twice. */
export function freeze(server: Pick<Postgres, 'pid'>): () => void {
  // The parent first, so that no child is created after we looked.
  signalAll([server.pid], 'SIGSTOP');
  signalAll(family(server.pid), 'SIGSTOP');
  return () => signalAll(family(server.pid).toReversed(), 'SIGCONT');
}
