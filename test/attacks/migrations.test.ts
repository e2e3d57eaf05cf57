import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyMigrations, missingMigrations } from '../../controller/platform/migrations.ts';
import { ROOT } from '../../tools/set-up.ts';
import { startTestPostgres, type TestPostgres } from '../support/database.ts';

const MIGRATIONS = path.join(ROOT, 'prisma/migrations');
/** From here on the previous version runs on what a migration creates. */
const EXPAND_ONLY_FROM = '20261129';
const names = readdirSync(MIGRATIONS)
  .filter((name) => /^\d{14}_/.test(name))
  .toSorted();
const sqlOf = (name: string): string => readFileSync(path.join(MIGRATIONS, name, 'migration.sql'), 'utf8');

/** Statements that remove or narrow what the previous version uses. Comments and function bodies do not count. */
function narrowing(sql: string): string[] {
  const statements = sql
    .replaceAll(/--.*$/gm, '')
    .replaceAll(/\$\$[\s\S]*?\$\$/g, `''`)
    .split(';')
    .map((one) => one.trim().replaceAll(/\s+/g, ' '));
  return statements.filter((one) => {
    if (
      /\bDROP (TABLE|COLUMN|FUNCTION|TYPE|SCHEMA|ROLE)|\bRENAME\b|\bALTER COLUMN "?\w+"? (TYPE|SET DATA TYPE|SET NOT NULL|DROP DEFAULT)|\bREVOKE (SELECT|INSERT|UPDATE|DELETE|ALL)/i.test(
        one,
      )
    )
      return true;
    if (!/^ALTER TABLE/i.test(one)) return false;
    return one
      .split(/ADD COLUMN/i)
      .slice(1)
      .some((column) => /NOT NULL/i.test(column) && !/DEFAULT/i.test(column));
  });
}

let postgres: TestPostgres;
let folder: string;
let made = 0;
beforeAll(async () => {
  postgres = await startTestPostgres();
  folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-migrations-'));
});
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function emptyDatabase(): Promise<string> {
  made++;
  await postgres.query(postgres.server.url('postgres'), `CREATE DATABASE bare${made} TEMPLATE template0`);
  return postgres.server.url(`bare${made}`);
}

/** A folder with the first few migrations. */
function first(count: number): string {
  const place = path.join(folder, `first-${count}`);
  mkdirSync(place, { recursive: true });
  for (const name of names.slice(0, count)) cpSync(path.join(MIGRATIONS, name), path.join(place, name), { recursive: true });
  return place;
}

async function withOwner<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

describe('a migration that is interrupted', () => {
  it.each(names.map((name, index) => [name, index] as const))('%s leaves nothing behind, and runs again', async (name, index) => {
    const url = await emptyDatabase();
    await withOwner(url, (client) => applyMigrations(client, first(index)));
    const tables = () => postgres.query(url, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname`);
    const before = await tables();
    // The script has run and its record is about to be written: the latest moment at which a kill can come.
    await postgres.query(url, `ALTER TABLE _prisma_migrations ADD CONSTRAINT held CHECK (migration_name <> '${name}')`);
    await expect(withOwner(url, (client) => applyMigrations(client, first(index + 1)))).rejects.toThrow(/failed and was rolled back/);
    expect(await tables()).toEqual(before);
    await postgres.query(url, 'ALTER TABLE _prisma_migrations DROP CONSTRAINT held');
    expect(await withOwner(url, (client) => applyMigrations(client, first(index + 1)))).toEqual([name]);
    expect(await withOwner(url, (client) => missingMigrations(client, first(index + 1)))).toEqual([]);
  });

  it('by losing its connection midway also runs again', async () => {
    const url = await emptyDatabase();
    const blocker = new pg.Client(url);
    blocker.on('error', () => undefined);
    await blocker.connect();
    await withOwner(url, (client) => applyMigrations(client, first(1)));
    // The second one waits midway for a table that somebody has locked.
    await blocker.query('BEGIN; LOCK TABLE flush');
    const cut = withOwner(url, async (client) => {
      const pid = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
      const killed = (async () => {
        while ((await postgres.query(url, `SELECT FROM pg_locks WHERE pid = ${pid} AND NOT granted`)).length === 0) /* not yet there */ ;
        await postgres.query(url, `SELECT pg_terminate_backend(${pid})`);
      })();
      await Promise.all([applyMigrations(client, first(2)), killed]);
    });
    await expect(cut).rejects.toThrow(/terminat/);
    await blocker.end();
    expect(await withOwner(url, (client) => applyMigrations(client, MIGRATIONS))).toEqual(names.slice(1));
  });
});

describe('the previous version', () => {
  it('runs on the new tables: migrations only add', () => {
    for (const name of names.filter((one) => one >= EXPAND_ONLY_FROM))
      expect({ name, narrowing: narrowing(sqlOf(name)) }).toEqual({ name, narrowing: [] });
  });

  it.each([
    'ALTER TABLE plan DROP COLUMN digest',
    'ALTER TABLE plan RENAME COLUMN digest TO d',
    'DROP TABLE plan',
    'ALTER TABLE plan ALTER COLUMN digest TYPE BYTEA',
    'ALTER TABLE plan ADD COLUMN a INT, ADD COLUMN b INT NOT NULL',
    'ALTER TABLE plan ALTER COLUMN ticket SET NOT NULL',
    'REVOKE INSERT ON plan FROM ctfleet_app',
  ])('would not run after: %s', (sql) => {
    expect(narrowing(`CREATE TABLE x (id INT);\n${sql};`)).toEqual([sql]);
    expect(
      narrowing('ALTER TABLE plan ADD COLUMN a INT NOT NULL DEFAULT 0; CREATE FUNCTION f() RETURNS VOID AS $$ BEGIN DROP TABLE x; END $$'),
    ).toEqual([]);
  });
});
