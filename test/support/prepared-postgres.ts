import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { prepareDatabase } from '../../controller/prepare.ts';
import { ProcessGroup } from '../../tools/process-group.ts';
import { startPostgres, type Postgres } from '../../tools/postgres.ts';
import { ROOT, STATE } from '../../tools/set-up.ts';

/** The migrated database of each copy, for others to be cloned from. */
export const TEMPLATE = 'template';

/** What determines its contents. */
const SOURCES = [
  'prisma/migrations',
  'controller/prepare.ts',
  'controller/platform',
  'tools/postgres.ts',
  'tools/unprivileged.ts',
  'test/support/prepared-postgres.ts',
  'package-lock.json',
];
const FOLDER = path.join(STATE, 'test/postgres');
const run = promisify(execFile);

/**
 * Puts the home of a Postgres with a migrated template where nothing exists yet, for startPostgres to open. The first caller makes it,
 * which takes seconds of a core; others copy what was made, until a migration changes, or what applies them. All copies share one password.
 */
export async function copyPrepared(home: string): Promise<void> {
  await copy(await prepared(), home);
}

async function prepared(): Promise<string> {
  const made = path.join(FOLDER, await hashOf(SOURCES));
  if (await exists(made)) return made;
  const dir = await mkdtemp(path.join(os.tmpdir(), 'ctfleet-pg-'));
  try {
    // The server, which runs as another user if we are root, must be able to enter.
    await chmod(dir, 0o711);
    await make(path.join(dir, 'data'));
    await mkdir(FOLDER, { recursive: true, mode: 0o700 });
    const part = `${made}.${process.pid}`;
    await copy(path.join(dir, 'data'), part);
    // Another process may have been faster, and its result is as good.
    await rename(part, made).catch(() => rm(part, { recursive: true }));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  for (const name of await readdir(FOLDER))
    if (!name.startsWith(path.basename(made))) await rm(path.join(FOLDER, name), { recursive: true, force: true });
  return made;
}

async function make(home: string): Promise<void> {
  const family = new ProcessGroup();
  try {
    const server = await startPostgres({ dir: home });
    family.adopt(server.pid, 'SIGINT');
    await makeTemplate(server);
  } finally {
    // An orderly stop, so that a copy has nothing to recover.
    await family.end();
  }
}

/** The migrated database, in a Postgres that has none. */
export async function makeTemplate(server: Postgres): Promise<void> {
  const client = new pg.Client(server.url('postgres'));
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${TEMPLATE}`);
    // A test kills the server, never the machine: what was written stays in the page cache, so no commit needs to wait for a disk.
    await client.query('ALTER SYSTEM SET fsync = off');
    await client.query('SELECT pg_reload_conf()');
  } finally {
    await client.end();
  }
  await prepareDatabase(server.url(TEMPLATE), server.appUrl(TEMPLATE));
}

/** With owners and modes; shared blocks if the disk supports them. */
async function copy(from: string, to: string): Promise<void> {
  await run('cp', ['-a', '--reflink=auto', from, to]);
}

async function exists(place: string): Promise<boolean> {
  return (await stat(place).catch(() => undefined)) !== undefined;
}

/** A hash over the names and contents of files. */
async function hashOf(sources: string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) {
    const place = path.join(ROOT, source);
    const files = (await stat(place)).isDirectory()
      ? (await readdir(place, { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile())
          .map((entry) => path.join(entry.parentPath, entry.name))
          .sort()
      : [place];
    for (const file of files)
      hash
        .update(path.relative(ROOT, file))
        .update('\0')
        .update(await readFile(file))
        .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}
