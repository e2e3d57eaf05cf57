import fs from 'node:fs';
import path from 'node:path';

/**
 * All that the agent asks of a file system. Its calls throw what the file system throws; a test puts one in its place whose every call can
 * fail.
 */
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

/** Writes all of it: one call may write less than it was asked to, as on a disk that fills. */
export function writeAll(files: Files, fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    const more = files.writeSync(fd, bytes, written, bytes.length - written);
    if (more === 0) throw Object.assign(new Error('ENOSPC: nothing more could be written'), { code: 'ENOSPC' });
    written += more;
  }
}

/** Makes what was created, renamed or removed in the file's folder survive a power cut. */
export function syncFolderOf(files: Files, file: string): void {
  const fd = files.openSync(path.dirname(file), 'r');
  try {
    files.fsyncSync(fd);
  } finally {
    files.closeSync(fd);
  }
}

/** For what is tidied up after a failure that is already being told. */
export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // The failure before is the one that counts.
  }
}
