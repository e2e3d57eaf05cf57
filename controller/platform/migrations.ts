import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';

/** The advisory lock that Prisma's own engine takes, so that the two never run at once. */
const LOCK = 72_707_369;

interface Recorded { migration_name: string; checksum: string; finished_at: Date | null }

/**
 * Applies what is new in prisma/migrations and records it as Prisma would, so that its command line agrees afterwards.
 * Each script is one implicit transaction. Returns the names applied. Throws if one fails, failed before, or was edited after it was applied.
 */
export async function applyMigrations(databaseUrl: string, directory: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT,
      rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`);
    const { rows } = await client.query<Recorded>('SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL');
    const failed = rows.filter((row) => row.finished_at === null).map((row) => row.migration_name);
    if (failed.length > 0) throw new Error(`The database holds a migration that failed: ${failed.join(', ')}. Resolve it with \`prisma migrate resolve\`, then start again.`);
    const checksums = new Map(rows.map((row) => [row.migration_name, row.checksum]));
    const applied: string[] = [];
    for (const name of await migrationNames(directory)) if (await applyOne(client, directory, name, checksums.get(name))) applied.push(name);
    return applied;
  } finally {
    await client.end();
  }
}

async function migrationNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
}

async function applyOne(client: pg.Client, directory: string, name: string, recorded: string | undefined): Promise<boolean> {
  const sql = await readFile(path.join(directory, name, 'migration.sql'));
  const checksum = createHash('sha256').update(sql).digest('hex');
  if (recorded !== undefined) {
    if (recorded !== checksum) throw new Error(`The migration ${name} was edited after it was applied. Restore it and add a new one.`);
    return false;
  }
  const id = randomUUID();
  await client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [id, checksum, name]);
  try {
    await client.query(sql.toString('utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await client.query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, reason]);
    throw new Error(`The migration ${name} failed: ${reason}`, { cause: error });
  }
  await client.query('UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = applied_steps_count + 1 WHERE id = $1', [id]);
  return true;
}
