import { runMigrations as runQueueMigrations } from 'bullmq';
import path from 'node:path';
import pg from 'pg';
import { APP_ROLE, checkLogin, prepareLogin } from './platform/login.ts';
import { applyMigrations, missingMigrations } from './platform/migrations.ts';
import { packageRoot } from './platform/package-root.ts';

const CONNECT_MS = 10_000;
const QUEUE_SCHEMA = 'bullmq';

/**
 * Prepares a database for a controller, as its owner: applies migrations, creates the tables of the queue, and creates the login of the
 * controller, which is named in `appUrl` and may do no more than the application's role. Idempotent. Returns the names of the migrations
 * applied.
 */
export async function prepareDatabase(ownerUrl: string, appUrl: string): Promise<string[]> {
  return withClient(ownerUrl, async (client) => {
    const applied = await applyMigrations(client, migrationsFolder());
    // Two at once would contend for the same rows of the system catalogue.
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock(hashtext('ctfleet prepare'))`);
    await prepareLogin(client, appUrl);
    await client.query(`GRANT SELECT ON public._prisma_migrations TO ${APP_ROLE}`);
    await client.query('COMMIT');
    await runQueueMigrations(client, QUEUE_SCHEMA);
    await client.query(`GRANT USAGE ON SCHEMA ${QUEUE_SCHEMA} TO ${APP_ROLE}`);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${QUEUE_SCHEMA} TO ${APP_ROLE}`);
    await client.query(`GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${QUEUE_SCHEMA} TO ${APP_ROLE}`);
    return applied;
  });
}

/** Throws an Error with the remedy if the database is not ready for this version, or if it allows the controller more than it may do. */
export async function checkDatabase(appUrl: string): Promise<void> {
  await withClient(appUrl, async (client) => {
    await checkLogin(client);
    const missing = await missingMigrations(client, migrationsFolder());
    if (missing.length === 0) return;
    throw new Error(
      `The database lacks ${missing.length === 1 ? 'the migration' : 'the migrations'} ${missing.join(', ')}. ` +
        'Run `node build/controller/migrate.js` with CTFLEET_MIGRATION_DATABASE_URL, the owner’s login, and CTFLEET_DATABASE_URL, the controller’s.',
    );
  });
}

function migrationsFolder(): string {
  return path.join(packageRoot(), 'prisma/migrations');
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  // A broken connection fails the statement that waits for it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
