import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Creates the state folder, accessible only to its owner. */
export async function openStateDir(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
}

/**
 * The content of a file in the state folder, created by `create` the first time and never changed afterwards. Mode 0600. Several
 * controllers starting at once agree on one content: a complete file is linked to its name, which only one of them can do.
 */
export async function readOrCreate(directory: string, name: string, create: () => Promise<string>): Promise<string> {
  const file = path.join(directory, name);
  const existing = await readFile(file, 'utf8').catch(ignoreMissing);
  if (existing !== undefined) return existing;
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(temporary, await create(), { mode: 0o600 });
  try {
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return readFile(file, 'utf8');
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** The content of a file in the state folder; undefined if there is none. */
export async function readIfThere(directory: string, name: string): Promise<string | undefined> {
  return readFile(path.join(directory, name), 'utf8').catch(ignoreMissing);
}

/** Writes a file that is nobody's secret, as a whole. */
export async function writePublic(directory: string, name: string, content: string): Promise<void> {
  const file = path.join(directory, name);
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(temporary, content, { mode: 0o644 });
  await rename(temporary, file);
}
