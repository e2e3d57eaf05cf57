import fs, { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

/**
 * The disk under an agent of this process, whose power can be cut: then it holds of each file what was there at its last fsync. Renames hold at
 * once, as on the file systems that gateways use. It can be full, too. It takes the place of node:fs for the whole process.
 */
export class Disk {
  isFull = false;
  readonly #root: string;
  readonly #synced = new Map<string, Buffer>();
  #made = 0;

  constructor(root: string) {
    this.#root = root;
    const { fsyncSync, renameSync, writeSync } = fs;
    fs.fsyncSync = (fd) => {
      fsyncSync(fd);
      const file = readlinkSync(`/proc/self/fd/${fd}`);
      if (!fs.fstatSync(fd).isDirectory()) this.#synced.set(file, readFileSync(file));
    };
    fs.renameSync = (from, to) => {
      renameSync(from, to);
      const bytes = this.#synced.get(String(from));
      this.#synced.delete(String(from));
      if (bytes) this.#synced.set(String(to), bytes);
    };
    fs.writeSync = ((...args: Parameters<typeof writeSync>) => {
      if (this.isFull && readlinkSync(`/proc/self/fd/${args[0]}`).startsWith(this.#root)) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      return writeSync(...args);
    }) as typeof fs.writeSync;
    syncBuiltinESMExports();
  }

  newFolder(): string {
    return mkdtempSync(path.join(this.#root, `life-${++this.#made}-`));
  }

  /** What a process that was killed left: all that it wrote. */
  afterKill(folder: string): string {
    const next = this.newFolder();
    cpSync(folder, next, { recursive: true });
    return next;
  }

  /** What is left when the power was cut: all that it had synced. */
  afterPowerCut(folder: string): string {
    const next = this.newFolder();
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const place = path.join(entry.parentPath, entry.name);
      const copy = path.join(next, path.relative(folder, place));
      const bytes = this.#synced.get(place);
      if (entry.isDirectory()) mkdirSync(copy, { recursive: true });
      else if (bytes) writeFileSync(copy, bytes);
      if (bytes) this.#synced.set(copy, bytes);
    }
    return next;
  }
}
