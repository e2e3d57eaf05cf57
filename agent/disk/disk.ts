import path from 'node:path';
import { NODE_FILES, quietly, syncFolderOf, writeAll, type Files } from './files.ts';

/** Suffix of a file's name while it is being written. */
const UNFINISHED = '.part';
const SET_ASIDE = /\.damaged-(\d+)$/;
/** Read size for large files. */
const CHUNK_BYTES = 1 << 18;
/** Damaged files kept in one folder; beyond that the oldest are removed. */
const MAX_SET_ASIDE = 8;

export interface DiskOptions {
  files?: Files;
  /** The machine's clock in milliseconds since 1970; used only to name what is set aside. */
  now?: () => number;
  /** Called for each failure that was recovered from. The message is constant, what varies is in the fields. */
  onTrouble?: (message: string, fields: { file: string; err: unknown; keptAs?: string }) => void;
}

/** A file being written; it replaces the previous one atomically. */
export interface UnfinishedFile {
  /** Throws what the file system throws; the unfinished file is then removed. */
  write(bytes: Uint8Array): void;
  /** On disk and in place when it returns. Throws likewise; then either the previous file is still in place or the whole new one is. */
  commit(): void;
  discard(): void;
}

/** Files that are written whole or not at all, and set aside if they cannot be read, so that one damaged file stops nothing else. */
export class Disk {
  readonly files: Files;
  readonly #now: () => number;
  readonly #onTrouble: NonNullable<DiskOptions['onTrouble']>;

  constructor({ files = NODE_FILES, now = Date.now, onTrouble = () => undefined }: DiskOptions = {}) {
    this.files = files;
    this.#now = now;
    this.#onTrouble = onTrouble;
  }

  /** Reports a failure with a file that was recovered from. */
  tell(message: string, file: string, err: unknown, keptAs?: string): void {
    this.#onTrouble(message, { file, err, keptAs });
  }

  /** Begins a file that only this user can read, and creates its folders. Throws what the file system throws. */
  begin(file: string): UnfinishedFile {
    const { files } = this;
    const unfinished = `${file}${UNFINISHED}`;
    files.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const fd = files.openSync(unfinished, 'w', 0o600);
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      files.closeSync(fd);
    };
    const discard = (): void => {
      quietly(close);
      quietly(() => files.rmSync(unfinished, { force: true }));
    };
    const orDiscard = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        discard();
        throw error;
      }
    };
    return {
      write: (bytes) => orDiscard(() => writeAll(files, fd, bytes)),
      commit: () =>
        orDiscard(() => {
          files.fsyncSync(fd);
          close();
          files.renameSync(unfinished, file);
          syncFolderOf(files, file);
        }),
      discard,
    };
  }

  /** Writes a file whole; on disk when it returns. Throws what the file system throws, with the same guarantee as `commit`. */
  write(file: string, content: string | Uint8Array): void {
    const unfinished = this.begin(file);
    unfinished.write(typeof content === 'string' ? Buffer.from(content) : content);
    unfinished.commit();
  }

  /**
   * Gives a file another name, in place of whatever had that: of several that try, one does. False if there is no such file. Throws what
   * the file system throws, and then nothing has changed.
   */
  move(from: string, to: string): boolean {
    try {
      this.files.renameSync(from, to);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    try {
      syncFolderOf(this.files, to);
    } catch (error) {
      this.tell('a new name of a file might not survive a power cut', to, error);
    }
    return true;
  }

  /**
   * Returns what `parse` makes of a file; undefined if there is none. A file on which `parse` throws is set aside and reported, and counts
   * as missing.
   */
  read<T>(file: string, parse: (bytes: Buffer) => T): T | undefined {
    let bytes: Buffer;
    try {
      bytes = this.files.readFileSync(file);
    } catch (error) {
      return this.#passOver(file, error);
    }
    try {
      return parse(bytes);
    } catch (error) {
      return this.#setAside(file, error);
    }
  }

  /** As `read`, for a file that may be large: `parse` receives it one chunk at a time. */
  scan<T>(file: string, parse: (chunks: Iterable<Buffer>) => T): T | undefined {
    const failures: unknown[] = [];
    try {
      return parse(this.chunks(file, (error) => failures.push(error)));
    } catch (error) {
      return failures.includes(error) ? this.#passOver(file, error) : this.#setAside(file, error);
    }
  }

  /**
   * A file's bytes, one chunk at a time. The file is open only while a chunk is read, so stopping early leaks no descriptor. Throws what
   * the file system throws.
   */
  *chunks(file: string, onFailure: (error: unknown) => void = () => undefined): Generator<Buffer, void, void> {
    for (let at = 0; ;) {
      let chunk: Buffer;
      try {
        chunk = this.#chunk(file, at);
      } catch (error) {
        onFailure(error);
        throw error;
      }
      if (chunk.length === 0) return;
      at += chunk.length;
      yield chunk;
    }
  }

  /** Empty at the end of the file. */
  #chunk(file: string, at: number): Buffer {
    const { files } = this;
    const fd = files.openSync(file, 'r');
    try {
      // Not zeroed: only what is read of it is seen.
      const bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      return bytes.subarray(0, files.readSync(fd, bytes, 0, CHUNK_BYTES, at));
    } finally {
      quietly(() => files.closeSync(fd));
    }
  }

  /** Sorted names of the finished files in a folder; none if it cannot be read. */
  names(directory: string): string[] {
    try {
      return this.files
        .readdirSync(directory)
        .filter((name) => !name.endsWith(UNFINISHED) && !SET_ASIDE.test(name))
        .sort();
    } catch (error) {
      if (!isMissing(error)) this.tell('a folder could not be read; its files are skipped', directory, error);
      return [];
    }
  }

  /** A missing file is fine; one that cannot be removed is reported. */
  remove(file: string): void {
    try {
      this.files.rmSync(file, { force: true });
    } catch (error) {
      this.tell('a file could not be removed', file, error);
    }
  }

  /** Removes what a crash left unfinished; only for start-up, when nothing is being written. */
  removeUnfinished(directory: string): void {
    quietly(() => {
      for (const name of this.files.readdirSync(directory)) if (name.endsWith(UNFINISHED)) this.remove(path.join(directory, name));
    });
  }

  #passOver(file: string, error: unknown): undefined {
    if (!isMissing(error)) this.tell('a file could not be read; it is skipped', file, error);
  }

  #setAside(file: string, error: unknown): undefined {
    const keptAs = `${file}.damaged-${this.#now()}`;
    try {
      this.files.renameSync(file, keptAs);
      this.tell('a file is damaged and was set aside', file, error, keptAs);
      this.#forgetOldest(path.dirname(file));
    } catch (failure) {
      this.tell('a file is damaged and could not be set aside; it is skipped', file, failure);
    }
  }

  #forgetOldest(directory: string): void {
    const aside = this.files.readdirSync(directory).filter((name) => SET_ASIDE.test(name));
    const since = (name: string): number => Number(SET_ASIDE.exec(name)![1]);
    for (const name of aside.sort((a, b) => since(b) - since(a)).slice(MAX_SET_ASIDE)) this.remove(path.join(directory, name));
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
