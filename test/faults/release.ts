import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../tools/set-up.ts';

/** The last state before the migrations of this one. */
export const LAST_RELEASE = '4cd59d87';

/**
 * Puts the source of another release into a new folder, with today's migrations, and builds its controller and agent. It needs the packages
 * of today's lock file. Returns the migrations that it does not know. Throws where this clone does not have the commit.
 */
export function buildRelease(commit: string, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-x', '-C', folder], { input: archive(commit) });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const migrations = path.join(folder, 'prisma/migrations');
  const theirs = readdirSync(migrations);
  rmSync(migrations, { recursive: true });
  cpSync(path.join(ROOT, 'prisma/migrations'), migrations, { recursive: true });
  execFileSync('buf', ['generate'], { cwd: path.join(folder, 'proto'), stdio: ['ignore', 2, 2] });
  execFileSync('prisma', ['generate'], { cwd: folder, stdio: ['ignore', 2, 2] });
  execFileSync('tsc', ['-b', 'controller', 'agent'], { cwd: folder, stdio: ['ignore', 2, 2] });
  return readdirSync(migrations).filter((name) => !theirs.includes(name));
}

function archive(commit: string): Buffer {
  try {
    return execFileSync('git', ['archive', commit], { cwd: ROOT, maxBuffer: 1 << 30 });
  } catch (cause) {
    throw new Error(`This clone does not have ${commit}: git fetch --unshallow`, { cause });
  }
}
