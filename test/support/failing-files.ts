import { NODE_FILES, type Files } from '../../agent/disk/files.ts';

/** Calls that change a disk; reading is a separate matter. */
const CHANGES = ['openSync', 'writeSync', 'fsyncSync', 'ftruncateSync', 'renameSync', 'rmSync', 'mkdirSync', 'utimesSync'] as const;
type Change = (typeof CHANGES)[number];

export type Fault = 'EIO' | 'ENOSPC' | 'EROFS' | 'short write' | 'fsync' | 'rename';

/** Which calls a fault affects; all others work as usual. */
const BEFALLS: Record<Fault, readonly Change[]> = {
  EIO: CHANGES,
  ENOSPC: ['openSync', 'writeSync', 'mkdirSync'],
  EROFS: CHANGES,
  'short write': ['writeSync'],
  fsync: ['fsyncSync'],
  rename: ['renameSync'],
};

/**
 * This machine's files, except the change with a given number and, if it lasts, all after it. A short write puts half on the disk and says
 * so; the next write finds no space. Nothing waits for the disk: power is not cut here.
 */
export class FailingFiles {
  /** Changes so far, in order. */
  readonly changes: Change[] = [];
  hasFailed = false;
  readonly files: Files;
  readonly #fault: Fault | undefined;
  readonly #at: number;
  readonly #lasts: boolean;
  #isFull = false;

  constructor({ fault, at = 0, lasts = false }: { fault?: Fault; at?: number; lasts?: boolean } = {}) {
    [this.#fault, this.#at, this.#lasts] = [fault, at, lasts];
    this.files = { ...NODE_FILES };
    for (const name of CHANGES) {
      const real = NODE_FILES[name] as (...args: unknown[]) => unknown;
      Object.assign(this.files, { [name]: (...args: unknown[]): unknown => this.#change(name, real, args) });
    }
  }

  /** Numbers of the changes so far that a fault can affect. */
  placesOf(fault: Fault): number[] {
    return this.changes.flatMap((name, place) => (BEFALLS[fault].includes(name) ? [place] : []));
  }

  #change(name: Change, real: (...args: unknown[]) => unknown, args: unknown[]): unknown {
    const call = this.changes.push(name) - 1;
    if (name === 'writeSync' && this.#isFull) {
      this.#isFull = this.#lasts;
      throw failure('ENOSPC', name);
    }
    const fault = this.#fault;
    if (fault !== undefined && BEFALLS[fault].includes(name) && (call === this.#at || (this.#lasts && call > this.#at))) {
      this.hasFailed = true;
      if (fault !== 'short write') throw failure(fault === 'fsync' || fault === 'rename' ? 'EIO' : fault, name);
      this.#isFull = true;
      const [fd, bytes, offset, length] = args as [number, Uint8Array, number, number];
      return real(fd, bytes, offset, Math.ceil(length / 2));
    }
    return name === 'fsyncSync' ? undefined : real(...args);
  }
}

function failure(code: string, call: string): Error {
  return Object.assign(new Error(`${code}: made to fail, ${call}`), { code });
}
