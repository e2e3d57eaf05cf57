import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Compiles raw-dump.c, once; returns the program's path, or undefined if there is no C compiler. It is removed when this process ends. */
export function rawDump(): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'ctfleet-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = path.join(folder, 'raw-dump');
  return spawnSync('cc', ['-O2', '-o', program, path.join(import.meta.dirname, 'raw-dump.c')]).status === 0 ? program : undefined;
}
