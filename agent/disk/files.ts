import fs from 'node:fs';
import path from 'node:path';

/** Every file system call the agent makes. They throw what the file system throws; tests inject one in which every call can fail. */
export type Files = Pick<
  typeof fs,
  | 'openSync'
  | 'closeSync'
  | 'readSync'
  | 'writeSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'renameSync'
  | 'rmSync'
  | 'readFileSync'
  | 'readdirSync'
  | 'mkdirSync'
  | 'statSync'
  | 'utimesSync'
>;

export const NODE_FILES: Files = fs;

/** Writes all the bytes: a single call may write fewer than asked, as on a disk that is filling up. */
export function writeAll(files: Files, fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    const more = files.writeSync(fd, bytes, written, bytes.length - written);
    if (more === 0) throw Object.assign(new Error('ENOSPC: nothing more could be written'), { code: 'ENOSPC' });
    written += more;
  }
}

/** Makes creations, renames and removals in the file's folder survive a power cut. */
export function syncFolderOf(files: Files, file: string): void {
  const fd = files.openSync(path.dirname(file), 'r');
  try {
    files.fsyncSync(fd);
  } finally {
    files.closeSync(fd);
  }
}

/** For clean-up after a failure that is already being reported. */
export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // The earlier failure is the one that counts.
  }
}
