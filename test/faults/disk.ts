import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { NODE_FILES, type Files } from '../../agent/disk/files.ts';

/**
 * What is wrong with a disk. `short`: each write takes a few bytes and says so. `full`: the next write takes half of what it is given, as
 * the last free block does, and each one after it fails. `unsynced`: fsync fails, and what was written is lost with the power. `read-only`:
 * nothing can be changed.
 */
export type DiskFault = 'short' | 'full' | 'unsynced' | 'read-only';
export const DISK_FAULTS: readonly DiskFault[] = ['short', 'full', 'unsynced', 'read-only'];

/** Bytes of a short write: fewer than any record has. */
const SHORT = 7;

/** What the gateway's file system does to the agent, through the agent's own file layer. */
export class FaultyFiles {
  readonly files: Files;
  #fault: DiskFault | undefined;
  #hasRoom = false;

  /** @param below the real files underneath */
  constructor(below: Files = NODE_FILES) {
    const unlessReadOnly = <Call extends (...args: never[]) => unknown>(call: Call): Call =>
      ((...args: never[]) => {
        if (this.#fault === 'read-only') throw failure('EROFS');
        return call(...args);
      }) as Call;
    this.files = {
      ...below,
      writeSync: ((fd: number, bytes: Uint8Array, offset: number, length: number) =>
        below.writeSync(fd, bytes, offset, this.#roomFor(length))) as Files['writeSync'],
      fsyncSync: (fd) => {
        if (this.#fault === 'unsynced') throw failure('EIO');
        if (this.#fault === 'read-only') throw failure('EROFS');
        below.fsyncSync(fd);
      },
      openSync: ((file, flags, mode) => {
        if (this.#fault === 'read-only' && flags !== 'r') throw failure('EROFS');
        return below.openSync(file, flags, mode);
      }) as Files['openSync'],
      ftruncateSync: unlessReadOnly(below.ftruncateSync),
      renameSync: unlessReadOnly(below.renameSync),
      rmSync: unlessReadOnly(below.rmSync),
      mkdirSync: unlessReadOnly(below.mkdirSync),
      utimesSync: unlessReadOnly(below.utimesSync),
    };
  }

  /** Undefined: everything works again. */
  set fault(fault: DiskFault | undefined) {
    this.#fault = fault;
    this.#hasRoom = true;
  }

  get fault(): DiskFault | undefined {
    return this.#fault;
  }

  /** How many of this many bytes a write takes. */
  #roomFor(length: number): number {
    switch (this.#fault) {
      case undefined:
      case 'unsynced':
        return length;
      case 'short':
        return Math.min(length, SHORT);
      case 'full':
        if (!this.#hasRoom) throw failure('ENOSPC');
        this.#hasRoom = false;
        return Math.ceil(length / 2);
      case 'read-only':
        throw failure('EROFS');
    }
  }
}

/**
 * The disk under an agent, whose power can be cut: then each file holds what it held at its last fsync. Renames are durable at once, as on
 * the file systems that gateways use.
 */
export class PowerCutDisk {
  readonly #root: string;
  readonly #synced = new Map<string, Buffer>();
  readonly #faulty: FaultyFiles;
  #made = 0;

  constructor(root: string) {
    this.#root = root;
    this.#faulty = new FaultyFiles({
      ...NODE_FILES,
      fsyncSync: (fd) => {
        NODE_FILES.fsyncSync(fd);
        const file = readlinkSync(`/proc/self/fd/${fd}`);
        // Folders are durable through their renames.
        if (this.#isFile(file)) this.#synced.set(file, readFileSync(file));
      },
      renameSync: (from, to) => {
        NODE_FILES.renameSync(from, to);
        const bytes = this.#synced.get(String(from));
        this.#synced.delete(String(from));
        if (bytes) this.#synced.set(String(to), bytes);
      },
    });
  }

  get files(): Files {
    return this.#faulty.files;
  }

  set fault(fault: DiskFault | undefined) {
    this.#faulty.fault = fault;
  }

  /** Runs something while no fault is active. */
  async whileSound<T>(work: () => Promise<T>): Promise<T> {
    const { fault } = this.#faulty;
    this.#faulty.fault = undefined;
    try {
      return await work();
    } finally {
      this.#faulty.fault = fault;
    }
  }

  newFolder(): string {
    return mkdtempSync(path.join(this.#root, `life-${++this.#made}-`));
  }

  /** What a killed process left: everything that it wrote. */
  afterKill(folder: string): string {
    const next = this.newFolder();
    cpSync(folder, next, { recursive: true });
    const synced = [...this.#synced].filter(([file]) => file.startsWith(`${folder}/`));
    for (const [file, bytes] of synced) this.#synced.set(path.join(next, path.relative(folder, file)), bytes);
    return next;
  }

  /** What is left after a power cut: everything that it had synced. */
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

  #isFile(place: string): boolean {
    return NODE_FILES.statSync(place).isFile();
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: made to fail by the harness`), { code });
}
