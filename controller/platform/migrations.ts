import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';

/** The advisory lock of Prisma's own engine, so that the two never run at once. */
const LOCK = 72_707_369;
/** A migration that waits longer than this for a table lock gives up: everyone who needs the table queues behind it. */
const LOCK_TIMEOUT_MS = 10_000;

interface Recorded {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}
interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

/**
 * Applies new migrations of prisma/migrations and records them as Prisma would, so that Prisma's command line agrees afterwards. A script
 * and its record are one transaction: an interrupted one leaves nothing behind, and runs again. `client` is connected as the owner. Returns
 * the names applied. Throws if one fails, or was edited after it was applied.
 */
export async function applyMigrations(client: pg.Client, directory: string): Promise<string[]> {
  await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
      migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
      started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`);
    const missing = missingOf(await readMigrations(directory), await recorded(client));
    for (const migration of missing) await applyOne(client, migration);
    return missing.map(({ name }) => name);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
  }
}

/** Names of migrations that the database does not have yet; it may have newer ones than we know. Throws as applyMigrations does. */
export async function missingMigrations(client: pg.Client, directory: string): Promise<string[]> {
  const {
    rows: [found],
  } = await client.query<{ may: boolean | null }>(`SELECT has_table_privilege(to_regclass('public._prisma_migrations'), 'SELECT') AS may`);
  return missingOf(await readMigrations(directory), found?.may ? await recorded(client) : []).map(({ name }) => name);
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(path.join(directory, name, 'migration.sql'));
      return { name, sql: sql.toString('utf8'), checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function recorded(client: pg.Client): Promise<Recorded[]> {
  return (
    await client.query<Recorded>('SELECT migration_name, checksum, finished_at FROM public._prisma_migrations WHERE rolled_back_at IS NULL')
  ).rows;
}

function missingOf(migrations: Migration[], rows: Recorded[]): Migration[] {
  const failed = rows.filter((row) => row.finished_at === null).map((row) => row.migration_name);
  if (failed.length > 0)
    throw new Error(
      `The database holds a migration that failed: ${failed.join(', ')}. Resolve it with \`prisma migrate resolve\`, then start again.`,
    );
  const checksums = new Map(rows.map((row) => [row.migration_name, row.checksum]));
  const edited = migrations.find(({ name, checksum }) => checksums.has(name) && checksums.get(name) !== checksum);
  if (edited) throw new Error(`The migration ${edited.name} was edited after it was applied. Restore it and add a new one.`);
  return migrations.filter(({ name }) => !checksums.has(name));
}

async function applyOne(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(
      'INSERT INTO public._prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) VALUES ($1, $2, $3, clock_timestamp(), 1)',
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw new Error(`The migration ${name} failed and was rolled back: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
