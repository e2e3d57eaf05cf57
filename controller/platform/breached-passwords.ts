import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { FleetError } from '../../proto/model/error-codes.ts';

/** Provider token of the list; undefined where none is set. */
export const BREACHED_PASSWORDS = Symbol('breached-passwords');

const VARIABLE = 'CTFLEET_BREACHED_PASSWORDS_FILE';
/** `HASH:COUNT`: 40 hexadecimal digits of SHA-1, and how often it was seen. */
const LINE = /^([0-9A-Fa-f]{40})(?::\d{1,15})?\r?$/;
/** Two of the longest lines: from anywhere in a line, the next one is in it whole. */
const WINDOW = 2 * (40 + 1 + 15 + 2);
/** Lines that are looked at when the file is checked. */
const SAMPLES = 64;

interface Line {
  hash: string;
  /** Where the next line begins. */
  end: number;
}

/**
 * Passwords known from breaches: an operator's file of SHA-1 sums, one a line, in order, as Have I Been Pwned's downloader writes it
 * (`HASH:COUNT`). It is searched where it lies, in some thirty reads of a hundred bytes, and never loaded.
 */
export class BreachedPasswords {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Undefined where no file is set. Throws an Error with the variable and what is wrong, as far as 64 of its lines show. */
  static async open(file: string | undefined): Promise<BreachedPasswords | undefined> {
    if (file === undefined) return undefined;
    const list = new BreachedPasswords(file);
    const wrong = (what: string, cause?: unknown): Error => new Error(`${VARIABLE}: ${file} ${what}`, { cause });
    await list
      .#with(async (handle, size) => {
        if (size === 0) throw wrong('is empty.');
        let before = '';
        for (let sample = 0; sample < SAMPLES; sample++) {
          const line = await lineFrom(handle, Math.floor((size * sample) / SAMPLES), size);
          if (line === 'unreadable')
            throw wrong('has a line that is not HASH:COUNT with a SHA-1 in hexadecimal. Use the list that is ordered by hash.');
          if (!line) break;
          if (line.hash < before) throw wrong('is not in order. Use the list that is ordered by hash.');
          before = line.hash;
        }
      })
      .catch((error: unknown) => {
        throw error instanceof Error && error.message.startsWith(VARIABLE)
          ? error
          : wrong(`cannot be read: ${(error as Error).message}`, error);
      });
    return list;
  }

  /** Throws UNAVAILABLE if the file cannot be read: then no password is set, rather than one that nobody checked. */
  async has(password: string): Promise<boolean> {
    const wanted = createHash('sha1').update(password, 'utf8').digest('hex').toUpperCase();
    return this.#with(async (handle, size) => {
      let [low, high] = [0, size];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const line = await lineFrom(handle, middle, size);
        if (line === 'unreadable') throw new Error('a line is not HASH:COUNT');
        if (!line || line.hash >= wanted) high = middle;
        else low = line.end;
      }
      const found = await lineFrom(handle, low, size);
      return found !== 'unreadable' && found?.hash === wanted;
    }).catch((cause: unknown) => {
      throw new FleetError('UNAVAILABLE', 'The list of breached passwords cannot be read. Nothing was changed.', {}, { cause });
    });
  }

  async #with<T>(work: (handle: FileHandle, size: number) => Promise<T>): Promise<T> {
    const handle = await open(this.#file, 'r');
    try {
      return await work(handle, (await handle.stat()).size);
    } finally {
      await handle.close();
    }
  }
}

/** The first line that begins at an offset or after it; undefined after the last. */
async function lineFrom(handle: FileHandle, offset: number, size: number): Promise<Line | 'unreadable' | undefined> {
  // From one byte before: a line begins right after a line's end.
  const from = Math.max(0, offset - 1);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(WINDOW), 0, WINDOW, from);
  const text = buffer.subarray(0, bytesRead).toString('latin1');
  const newline = text.indexOf('\n');
  if (offset > 0 && newline < 0) return from + bytesRead >= size ? undefined : 'unreadable';
  const start = offset === 0 ? 0 : newline + 1;
  if (from + start >= size) return undefined;
  const end = text.indexOf('\n', start);
  if (end < 0 && from + bytesRead < size) return 'unreadable';
  const hash = LINE.exec(text.slice(start, end < 0 ? undefined : end))?.[1];
  return hash === undefined ? 'unreadable' : { hash: hash.toUpperCase(), end: end < 0 ? size : from + end + 1 };
}
