import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { ProcessGroup } from '../../tools/process-group.ts';
import { startPostgres, type Postgres } from '../../tools/postgres.ts';
import { copyPrepared, makeTemplate, TEMPLATE } from './prepared-postgres.ts';

/** One test file's Postgres: databases are cloned from a migrated template. */
export interface TestPostgres {
  server: Postgres;
  /** Ends the server at once, as a crash would; `start` brings it back on the same port. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** A fresh, migrated database; returns its URL with the controller's login. */
  newDatabase(): Promise<string>;
  /** The same database as its owner. */
  ownerUrl(url: string): string;
  /** Runs SQL on a database as its owner, whatever login the URL has. */
  query<Row extends pg.QueryResultRow>(url: string, sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
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
  const ownerUrl = (url: string): string => server.url(new URL(url).pathname.slice(1));
  const query: TestPostgres['query'] = async (url, sql, values) => {
    const client = new pg.Client(ownerUrl(url));
    await client.connect();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      await client.end();
    }
  };
  // Under a home that others may not enter, its data is elsewhere and was not copied.
  if (server.isNew) await makeTemplate(server);
  let made = 0;
  return {
    get server() {
      return server;
    },
    crash: () => server.stop('SIGQUIT'),
    start: async () => {
      server = await startPostgres({ dir: path.join(dir, 'data'), port: server.port });
      family.adopt(server.pid, 'SIGINT');
    },
    ownerUrl,
    query,
    newDatabase: async () => {
      made += 1;
      await query(server.url('postgres'), `CREATE DATABASE test${made} TEMPLATE ${TEMPLATE}`);
      return server.appUrl(`test${made}`);
    },
    stop: async () => {
      await family.end();
      if (given === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
