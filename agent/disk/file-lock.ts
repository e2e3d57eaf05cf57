import path from 'node:path';
import koffi from 'koffi';
import { NODE_FILES, type Files } from './files.ts';

const flock = koffi.load(null).func('int flock(int, int)');
const [LOCK_EX, LOCK_NB] = [2, 4];

/**
 * Takes a lock that one holder has at a time, of all processes and within this one; undefined while another holds it. The kernel releases
 * it when its process ends, however that ends. Returns how to release it. Throws what the file system throws.
 */
export function tryLock(file: string, files: Files = NODE_FILES): (() => void) | undefined {
  const fd = open(file, files);
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return () => files.closeSync(fd);
  files.closeSync(fd);
  return undefined;
}

/** For reading if it is there: a full or read-only disk must not keep anybody from a lock. */
function open(file: string, files: Files): number {
  try {
    return files.openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    files.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    return files.openSync(file, 'a', 0o600);
  }
}
