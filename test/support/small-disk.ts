import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A disk of a few megabytes, mounted on a folder of its own. */
export interface SmallDisk {
  folder: string;
  /** Writes a file until not a single page is free. */
  fill(): void;
  /** Removes that file. */
  free(): void;
  /** Unmounts it, and removes the folder. Done automatically when the process exits. */
  remove(): void;
}

const STEPS = [1024 * 1024, 4096];

/** Why this machine cannot have one, or undefined. */
export function whyNoSmallDisk(): string | undefined {
  try {
    mountSmallDisk(1).remove();
    return undefined;
  } catch (error) {
    return `a tmpfs cannot be mounted here: ${(error as Error).message}`;
  }
}

/** Mounts it. Throws if that is not allowed. */
export function mountSmallDisk(mebibytes: number): SmallDisk {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-small-'));
  const filler = path.join(folder, 'filler');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0711`, 'ctfleet-small', folder], { stdio: 'pipe' });
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  let isMounted = true;
  const remove = (): void => {
    if (!isMounted) return;
    isMounted = false;
    // Lazily: a process that still writes to it at the end does not block this.
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return { folder, remove, fill: () => STEPS.forEach((size) => fillBy(filler, size)), free: () => rmSync(filler, { force: true }) };
}

function fillBy(file: string, size: number): void {
  const zeros = Buffer.alloc(size);
  const fd = openSync(file, 'a');
  try {
    while (writeSync(fd, zeros) === size) /* more */ ;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
}
