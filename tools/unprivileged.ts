import { execFile } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/**
 * Root's servers run as dedicated users, not as nobody, which others may share: with a number that neither Debian nor systemd assigns to
 * anyone (60706 to 61183), so that nobody else can signal them, trace them or open their files.
 */
const FIRST_UID = 60_706;
const LAST_UID = 61_183;
/** Where root keeps what such a server must reach but a closed home would hide. Anyone may traverse it, only root may write or list. */
const OUTSIDE = '/var/lib/ctfleet-demo';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** A user number for one server. */
export function newUid(): number {
  return randomInt(FIRST_UID, LAST_UID + 1);
}

/** The command as that user, without capabilities or a way to regain any. Unchanged if we are not root. */
export function asUid(uid: number | undefined, command: string, args: string[], gid = uid): [string, string[]] {
  if (uid === undefined) return [command, args];
  const user = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--bounding-set=-all',
    '--no-new-privs',
  ];
  return ['setpriv', [...user, command, ...args]];
}

/** True if anybody may traverse every folder on the path. */
export async function isOpenToAll(place: string): Promise<boolean> {
  for (let folder = place; ; folder = path.dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
    if (folder === path.dirname(folder)) return true;
  }
}

/**
 * A folder outside of `home` that belongs to it, only for root: the same at every call. Folders whose home is gone are removed. Throws if
 * the location is not exclusively root's.
 */
export async function outsideOf(home: string): Promise<string> {
  await openOutside();
  for (const name of await readdir(OUTSIDE)) {
    const owner = await readFile(path.join(OUTSIDE, name, 'of'), 'utf8').catch(() => undefined);
    if (owner !== undefined && !(await stat(owner).catch(() => undefined)))
      await rm(path.join(OUTSIDE, name), { recursive: true, force: true });
  }
  const place = path.join(OUTSIDE, createHash('sha256').update(home).digest('hex').slice(0, 16));
  await mkdir(place, { recursive: true, mode: 0o711 });
  await chmod(place, 0o711);
  await writeFile(path.join(place, 'of'), home, { mode: 0o600 });
  return place;
}

/** A copy of programs where any user can run them, created once per name. Throws if the location is not exclusively root's. */
export async function copyForAll(programs: string, name: string): Promise<string> {
  await openOutside();
  const copy = path.join(OUTSIDE, name);
  if (await stat(copy).catch(() => undefined)) return copy;
  const part = `${copy}.${process.pid}`;
  const run = promisify(execFile);
  await run('cp', ['-R', programs, part]);
  await run('chmod', ['-R', 'a+rX,go-w', part]);
  await run('mv', ['-T', '-n', part, copy]);
  await rm(part, { recursive: true, force: true });
  return copy;
}

async function openOutside(): Promise<void> {
  await mkdir(OUTSIDE, { recursive: true, mode: 0o711 });
  const { uid, mode } = await stat(OUTSIDE);
  if (uid !== 0 || (mode & 0o022) !== 0) throw new Error(`${OUTSIDE} is not root's own; remove it and start again.`);
  await chmod(OUTSIDE, 0o711);
}
