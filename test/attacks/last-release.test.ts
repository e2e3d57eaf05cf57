import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabases, type TestDatabases } from '../support/database.ts';

/** Recorded by `npm run faults -- last-release`. */
const { commit, statements } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../fixtures/last-release.json'), 'utf8')) as {
  commit: string;
  statements: string[];
};
/** The table and columns of an INSERT, quoted or not. */
const INSERT = /INSERT INTO (?:"public"\.)?"?(\w+)"?(?: AS \w+)? \(([^)]*)\)/gi;

let databases: TestDatabases;
let url: string;
beforeAll(async () => {
  databases = await openTestDatabases();
  url = await databases.newDatabase();
});
afterAll(() => databases.stop());

/** What Postgres says against the statements, as the controller's login: names, types and rights. Nothing is executed. */
async function refused(database: string): Promise<string[]> {
  const client = new pg.Client(database);
  await client.connect();
  await client.query('SET search_path TO public, bullmq');
  const found: string[] = [];
  for (const statement of statements)
    await client.query(`EXPLAIN (GENERIC_PLAN) ${statement}`).catch((error: Error) => found.push(`${error.message}: ${statement}`));
  await client.end();
  return found;
}

/** Columns that need a value and get none. */
async function withoutValue(database: string): Promise<string[]> {
  const rows = await databases.query<{ table: string; column: string }>(
    database,
    `SELECT table_name AS table, column_name AS column FROM information_schema.columns
      WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'`,
  );
  return statements.flatMap((statement) =>
    [...statement.matchAll(INSERT)].flatMap(([, table, list]) => {
      const named = list!.split(',').map((one) => one.trim().replaceAll('"', ''));
      return rows.filter((row) => row.table === table && !named.includes(row.column)).map(({ column }) => `${table}.${column}`);
    }),
  );
}

describe(`the statements of the last release (${commit})`, () => {
  it('are those of a whole controller', () => {
    expect(statements.length).toBeGreaterThan(300);
    const written = new Set(statements.flatMap((statement) => [...statement.matchAll(INSERT)].map(([, table]) => table)));
    for (const table of ['sample', 'link_session', 'plan', 'flush', 'command', 'audit_entry', 'policy']) expect(written).toContain(table);
  });

  it('are all accepted on the new tables, with the rights of the controller', async () => {
    expect(await refused(url)).toEqual([]);
  });

  it('give a value to each column that needs one', async () => {
    expect(await withoutValue(url)).toEqual([]);
  });

  it.each([
    ['a column is gone', 'ALTER TABLE link_session DROP COLUMN last_heard_at'],
    ['a column is of another type', 'ALTER TABLE link_session ALTER COLUMN epoch TYPE text'],
    ['a right is gone', 'REVOKE INSERT ON plan FROM ctfleet_app'],
  ])('would be refused if %s', async (_, sql) => {
    const changed = await databases.newDatabase();
    await databases.query(changed, sql);
    expect(await refused(changed)).not.toEqual([]);
  });

  it('would lack a value if a column of theirs had to have one', async () => {
    const changed = await databases.newDatabase();
    await databases.query(changed, 'ALTER TABLE plan ADD COLUMN reviewer uuid NOT NULL');
    expect(await withoutValue(changed)).toContain('plan.reviewer');
  });
});
