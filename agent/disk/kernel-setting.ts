import { NODE_FILES, type Files } from './files.ts';

/**
 * Writes a number to a file below /proc/sys, in one call as the kernel wants it. Throws what the kernel says, with the name of the file:
 * EINVAL for a number that it does not take, EACCES or EROFS where it cannot be set.
 */
export function writeKernelSetting(
  file: string,
  value: number,
  files: Pick<Files, 'openSync' | 'writeSync' | 'closeSync'> = NODE_FILES,
): void {
  const fd = files.openSync(file, 'r+');
  try {
    files.writeSync(fd, Buffer.from(`${value}\n`));
  } catch (error) {
    throw new Error(`${file} could not be set to ${value}: ${(error as Error).message}`, { cause: error });
  } finally {
    files.closeSync(fd);
  }
}
