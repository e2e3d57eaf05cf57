import type { Database } from '../platform/database.ts';
import { expiredPartitions, PARTITIONED, wantedPartitions } from './partitions.ts';

/**
 * Creates partitions ahead of time and drops those past their retention. The tables belong to the role that migrates, so this goes through
 * database functions that can do nothing else. The application's role has no rights on a partition itself, only on its table, so row-level
 * security cannot be bypassed there.
 */
export async function maintainPartitions(database: Database, nowMs: number): Promise<void> {
  for (const kind of PARTITIONED) {
    const rows = await database.transact(
      'all',
      (t) => t.$queryRaw<{ name: string }[]>`
      SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = ${kind.table}::regclass`,
    );
    const existing = rows.map((row) => row.name);
    for (const { name, from, to } of wantedPartitions(kind, nowMs)) {
      if (existing.includes(name)) continue;
      await database.transact('all', (t) => t.$executeRaw`SELECT make_history_partition(${kind.table}, ${from}::date, ${to}::date)`);
    }
    for (const name of expiredPartitions(kind, existing, nowMs))
      await database.transact('all', (t) => t.$executeRaw`SELECT drop_history_partition(${name})`);
  }
}
