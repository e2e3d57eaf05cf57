import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

const [FOLDER, FILE, LINK] = [0o040000, 0o100000, 0o120000];

/** Writes an archive in cpio's `newc` format, which a kernel unpacks as its initial root. A file may hold several archives in a row. */
export class CpioWriter {
  readonly #fd: number;
  readonly #names = new Set<string>();
  #inode = 0;

  /** @param flags `w` for a new file, `a` to append */
  constructor(path: string, flags: 'w' | 'a' = 'w') {
    this.#fd = openSync(path, flags);
  }

  /** Adds a file of this machine, with its parent folders. */
  copy(name: string, source: string, mode = 0o755): void {
    this.file(name, readFileSync(source), mode);
  }

  file(name: string, content: Uint8Array | string, mode = 0o644): void {
    this.#add(name, FILE | mode, typeof content === 'string' ? Buffer.from(content) : content);
  }

  link(name: string, target: string): void {
    this.#add(name, LINK | 0o777, Buffer.from(target));
  }

  folder(name: string): void {
    this.#add(name, FOLDER | 0o755, new Uint8Array());
  }

  /** Ends the archive, padded so that another may follow. */
  close(): void {
    this.#write('TRAILER!!!', 0, new Uint8Array());
    closeSync(this.#fd);
  }

  #add(name: string, mode: number, content: Uint8Array): void {
    if (this.#names.has(name)) return;
    const parent = name.slice(0, Math.max(0, name.lastIndexOf('/')));
    if (parent !== '') this.folder(parent);
    this.#names.add(name);
    this.#write(name, mode, content);
  }

  #write(name: string, mode: number, content: Uint8Array): void {
    const path = Buffer.from(`${name}\0`);
    const fields = [++this.#inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0];
    this.#padded(Buffer.concat([Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`), path]));
    this.#padded(content);
  }

  #padded(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
    const over = bytes.length % 4;
    if (over > 0) writeSync(this.#fd, new Uint8Array(4 - over));
  }
}
