import { spawnSync } from 'node:child_process';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDatabase, prepareDatabase } from '../../controller/prepare.ts';
import { ROOT } from '../../tools/set-up.ts';
import { startTestPostgres, type TestPostgres } from '../support/database.ts';

let postgres: TestPostgres;
let url: string;
let client: pg.Client;
beforeAll(async () => {
  postgres = await startTestPostgres();
  url = await postgres.newDatabase();
  client = new pg.Client(url);
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await postgres.stop();
});

/** The URL with a different user and password. */
function as(name: string, password: string): string {
  const other = new URL(url);
  [other.username, other.password] = [name, password].map(encodeURIComponent) as [string, string];
  return other.href;
}

function migrate(env: Record<string, string>): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'build/controller/migrate.js')], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  return { code: status, stdout, stderr };
}

describe('the controller’s login', () => {
  it('owns nothing, administers nothing, and has no role to fall back to', async () => {
    const { rows } = await client.query(
      `SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = session_user`,
    );
    expect(rows).toEqual([{ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, rolreplication: false }]);
    expect(
      (await client.query(`SELECT FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = session_user)`)).rowCount,
    ).toBe(0);
    await client.query('RESET ROLE');
    expect((await client.query<{ user: string }>('SELECT current_user AS user')).rows[0]!.user).toBe('ctfleet');
  });

  it.each([
    ['run a program', `COPY (SELECT 1) TO PROGRAM 'true'`],
    ['read a file of the server', `SELECT pg_read_file('/etc/passwd')`],
    ['switch off row-level security', `ALTER TABLE gateway DISABLE ROW LEVEL SECURITY`],
    ['make a table', `CREATE TABLE public.mine (id INT)`],
    ['make a schema', `CREATE SCHEMA mine`],
    ['make a role', `CREATE ROLE mine SUPERUSER`],
    ['become the owner', `SET ROLE postgres`],
    ['remove an audit entry', `DELETE FROM audit_entry`],
    ['change a migration’s record', `DELETE FROM _prisma_migrations`],
    ['read a partition directly', `SELECT * FROM sample_p${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`],
  ])('cannot %s', async (_, sql) => {
    await client.query(`SELECT make_history_partition('sample', current_date, current_date + 1)`);
    await expect(client.query(sql)).rejects.toThrow(/denied|must be owner|must be superuser/i);
  });

  it('creates and drops partitions of the history, and drops nothing else', async () => {
    await client.query(`SELECT make_history_partition('sample', '2020-01-01', '2020-01-02')`);
    await client.query(`SELECT make_history_partition('sample', '2020-01-01', '2020-01-02')`);
    await client.query(`SELECT drop_history_partition('sample_p20200101')`);
    for (const sql of [
      `SELECT drop_history_partition('audit_entry')`,
      `SELECT drop_history_partition('sample')`,
      `SELECT drop_history_partition('x"; DROP TABLE plan; --')`,
      `SELECT make_history_partition('audit_entry', '2020-01-01', '2020-01-02')`,
      `SELECT make_history_partition('sample', '2020-01-01', '2030-01-01')`,
    ])
      await expect(client.query(sql)).rejects.toThrow(/no partition of the history/);
  });
});

describe('a controller', () => {
  it('does not start with a login that bypasses row-level security, and says what to do', async () => {
    await expect(checkDatabase(postgres.ownerUrl(url))).rejects.toThrow(/rules the server.*CTFLEET_MIGRATION_DATABASE_URL.*migrate\.js/s);
    await postgres.query(url, `CREATE ROLE table_owner LOGIN PASSWORD 'secret'; GRANT ctfleet_app TO table_owner`);
    await postgres.query(url, 'CREATE TABLE somebodys (id INT); ALTER TABLE somebodys OWNER TO table_owner');
    await expect(checkDatabase(as('table_owner', 'secret'))).rejects.toThrow(/owns the tables/);
    await expect(checkDatabase(url)).resolves.toBeUndefined();
  });

  it('does not start on a database that lacks a migration, and says what to run', async () => {
    const old = await postgres.newDatabase();
    await postgres.query(old, `DELETE FROM _prisma_migrations WHERE migration_name = '20261124200000_remediations'`);
    await expect(checkDatabase(old)).rejects.toThrow(/lacks the migration 20261124200000_remediations.*migrate\.js/s);
    await postgres.query(old, 'DROP TABLE _prisma_migrations');
    await expect(checkDatabase(old)).rejects.toThrow(/lacks the migrations 20261124000000_first, /);
  });
});

describe('build/controller/migrate.js', () => {
  it('creates the login named in the controller’s URL, sets that password, and is safe to run again', async () => {
    const mine = as('fleet “two”', 'pass word/:@%');
    for (let times = 0; times < 2; times++)
      expect(migrate({ CTFLEET_MIGRATION_DATABASE_URL: postgres.ownerUrl(url), CTFLEET_DATABASE_URL: mine })).toMatchObject({
        code: 0,
        stderr: '',
      });
    await expect(checkDatabase(mine)).resolves.toBeUndefined();
    await prepareDatabase(postgres.ownerUrl(url), as('fleet “two”', 'another'));
    await expect(checkDatabase(mine)).rejects.toThrow(/password authentication failed/);
  });

  it('leaves a login with privileges of its own alone, and says nothing of passwords', async () => {
    const wrong = migrate({ CTFLEET_MIGRATION_DATABASE_URL: postgres.ownerUrl(url), CTFLEET_DATABASE_URL: as('postgres', 'guessed') });
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('rules the server') });
    expect(wrong.stderr).not.toMatch(/guessed/);
    await expect(postgres.query(url, 'SELECT 1')).resolves.toBeDefined();
    expect(migrate({ CTFLEET_DATABASE_URL: url })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('CTFLEET_MIGRATION_DATABASE_URL: '),
    });
  });
});
