import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { ProcessGroup } from '../../tools/process-group.ts';
import { startPostgres, type Postgres } from '../../tools/postgres.ts';
import { copyPrepared, makeTemplate, TEMPLATE } from './prepared-postgres.ts';

/** Databases for one test file, cloned from a migrated template. */
export interface TestDatabases {
  /** A fresh, migrated database; returns its URL with the controller's login. */
  newDatabase(): Promise<string>;
  /** A copy of one that nobody is connected to, as it is now. */
  copyOf(url: string): Promise<string>;
  /** The same database as its owner. */
  ownerUrl(url: string): string;
  /** Runs SQL on a database as its owner, whatever login the URL has. */
  query<Row extends pg.QueryResultRow>(url: string, sql: string, values?: unknown[]): Promise<Row[]>;
  /** Removes them. */
  stop(): Promise<void>;
}

/** A Postgres that one test file has to itself. */
export interface TestPostgres extends TestDatabases {
  server: Postgres;
  /** Ends the server at once, as a crash would; `start` brings it back on the same port. */
  crash(): Promise<void>;
  start(): Promise<void>;
}

/** How the workers of a run find the server that shared-postgres.ts started for all of them: its URLs, as JSON. */
export const SHARED = 'CTFLEET_TEST_POSTGRES';
interface Urls {
  /** Of the superuser and of the controller's login, with `DATABASE` where a name belongs. */
  owner: string;
  app: string;
}

/** Databases on the server that all test files of a run share; on one of their own outside of such a run. */
export async function openTestDatabases(): Promise<TestDatabases> {
  const shared = process.env[SHARED];
  if (shared === undefined) return startTestPostgres();
  const databases = databasesOf(JSON.parse(shared) as Urls, `test_${process.pid}_${randomBytes(4).toString('hex')}_`);
  return { ...databases, stop: databases.drop };
}

/** For `SHARED`. */
export function urlsOf({ url, appUrl }: Postgres): string {
  return JSON.stringify({ owner: url('DATABASE'), app: appUrl('DATABASE') } satisfies Urls);
}

const nameIn = (url: string): string => new URL(url).pathname.slice(1);

function databasesOf({ owner, app }: Urls, prefix: string) {
  const named = (url: string, name: string): string => url.replace(/DATABASE$/, name);
  const ownerUrl = (url: string): string => named(owner, nameIn(url));
  const query: TestDatabases['query'] = async (url, sql, values) => {
    const client = new pg.Client(ownerUrl(url));
    await client.connect();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      await client.end();
    }
  };
  const made: string[] = [];
  const clone = async (template: string): Promise<string> => {
    const name = `${prefix}${made.length + 1}`;
    made.push(name);
    await query(named(owner, 'postgres'), `CREATE DATABASE ${name} TEMPLATE ${template}`);
    return named(app, name);
  };
  return {
    ownerUrl,
    query,
    newDatabase: () => clone(TEMPLATE),
    copyOf: (url: string) => clone(nameIn(url)),
    drop: async () => {
      for (const name of made) await query(named(owner, 'postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** Starts it in a folder of its own, or in one that its caller makes and removes; it ends with the process, however that ends. */
export async function startTestPostgres(given?: string): Promise<TestPostgres> {
  const dir = given ?? (await mkdtemp(path.join(os.tmpdir(), 'ctfleet-pg-')));
  // The server, which runs as another user if we are root, must be able to enter; its own folder is closed.
  await chmod(dir, 0o711);
  await copyPrepared(path.join(dir, 'data'));
  const family = new ProcessGroup();
  let server = await startPostgres({ dir: path.join(dir, 'data') });
  family.adopt(server.pid, 'SIGINT');
  // Under a home that others may not enter, its data is elsewhere and was not copied.
  if (server.isNew) await makeTemplate(server);
  const databases = databasesOf({ owner: server.url('DATABASE'), app: server.appUrl('DATABASE') }, 'test');
  return {
    ...databases,
    get server() {
      return server;
    },
    crash: () => server.stop('SIGQUIT'),
    start: async () => {
      server = await startPostgres({ dir: path.join(dir, 'data'), port: server.port });
      family.adopt(server.pid, 'SIGINT');
    },
    stop: async () => {
      await family.end();
      if (given === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
