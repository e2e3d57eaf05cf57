import pg from 'pg';
import { expiredPartitions, PARTITIONED, wantedPartitions } from './partitions.ts';

/** One controller at a time looks after partitions. */
const LOCK = 72_707_370;

/**
 * Makes partitions ahead and drops those past their retention, as the owner of the tables: the application's role may not.
 * The application's role has no rights on a partition itself, only on its table, so row-level security cannot be stepped around there.
 */
export async function maintainPartitions(databaseUrl: string, nowMs: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    for (const kind of PARTITIONED) {
      const { rows } = await client.query<{ name: string }>('SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass', [kind.table]);
      const existing = rows.map((row) => row.name);
      for (const { name, from, to } of wantedPartitions(kind, nowMs)) {
        if (!existing.includes(name)) await client.query(`CREATE TABLE "${name}" PARTITION OF "${kind.table}" FOR VALUES FROM ('${from}Z') TO ('${to}Z')`);
      }
      for (const name of expiredPartitions(kind, existing, nowMs)) await client.query(`DROP TABLE "${name}"`);
    }
  } finally {
    await client.end();
  }
}
