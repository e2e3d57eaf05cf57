import path from 'node:path';
import { NODE_FILES, quietly, syncFolderOf, writeAll, type Files } from './files.ts';

/** The end of a file's name while it is written; it is never in place like that. */
const UNFINISHED = '.part';
const SET_ASIDE = /\.damaged-(\d+)$/;
/** Of a large file, read at a time. */
const CHUNK_BYTES = 1 << 18;
/** Damaged files that are kept in one folder; beyond it the oldest go. */
const MAX_SET_ASIDE = 8;

export interface DiskOptions {
  files?: Files;
  /** Of this machine; only names what is set aside. */
  now?: () => number;
  /** Hears of what went wrong and was got over. The message is constant, what varies is in the fields. */
  onTrouble?: (message: string, fields: { file: string; err: unknown; keptAs?: string }) => void;
}

/** A file on its way; it takes the place of the one before at a stroke. */
export interface UnfinishedFile {
  /** Throws what the file system throws; nothing is left of the file then. */
  write(bytes: Uint8Array): void;
  /** On disk and in place when it returns. Throws likewise; the file before is then still in place, or the new one is there whole. */
  commit(): void;
  discard(): void;
}

/** Whole files: written whole or not at all, and set aside where they cannot be read, so that one damaged file stops nothing else. */
export class Disk {
  readonly files: Files;
  readonly #now: () => number;
  readonly #onTrouble: NonNullable<DiskOptions['onTrouble']>;

  constructor({ files = NODE_FILES, now = Date.now, onTrouble = () => undefined }: DiskOptions = {}) {
    this.files = files;
    this.#now = now;
    this.#onTrouble = onTrouble;
  }

  /** Says what went wrong with a file and was got over. */
  tell(message: string, file: string, err: unknown, keptAs?: string): void {
    this.#onTrouble(message, { file, err, keptAs });
  }

  /** Begins a file that only this user can read; folders are made. Throws what the file system throws. */
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

  /** Writes a file whole; on disk when it returns. Throws what the file system throws, with the promise of commit. */
  write(file: string, content: string | Uint8Array): void {
    const unfinished = this.begin(file);
    unfinished.write(typeof content === 'string' ? Buffer.from(content) : content);
    unfinished.commit();
  }

  /**
   * What `parse` makes of a file; undefined where there is none. One of which `parse` throws is set aside and told, and then there is none.
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

  /** As `read`, of a file that may be large: `parse` is given it a chunk at a time. */
  scan<T>(file: string, parse: (chunks: Iterable<Buffer>) => T): T | undefined {
    const failures: unknown[] = [];
    try {
      return parse(this.chunks(file, (error) => failures.push(error)));
    } catch (error) {
      return failures.includes(error) ? this.#passOver(file, error) : this.#setAside(file, error);
    }
  }

  /**
   * A file's bytes, a chunk at a time. It is open only while one is read, so that whoever stops early leaves nothing open. Throws what the
   * file system throws.
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
      const bytes = Buffer.alloc(CHUNK_BYTES);
      return bytes.subarray(0, files.readSync(fd, bytes, 0, CHUNK_BYTES, at));
    } finally {
      quietly(() => files.closeSync(fd));
    }
  }

  /** Names of files that are in place in a folder, sorted; none where it cannot be read. */
  names(directory: string): string[] {
    try {
      return this.files
        .readdirSync(directory)
        .filter((name) => !name.endsWith(UNFINISHED) && !SET_ASIDE.test(name))
        .sort();
    } catch (error) {
      if (!isMissing(error)) this.tell('a folder could not be read; what is in it is passed over', directory, error);
      return [];
    }
  }

  /** One that is not there is no matter; one that cannot be removed is told. */
  remove(file: string): void {
    try {
      this.files.rmSync(file, { force: true });
    } catch (error) {
      this.tell('a file could not be removed', file, error);
    }
  }

  /** Removes what a crash left unfinished; for the start, when nothing is being written. */
  removeUnfinished(directory: string): void {
    quietly(() => {
      for (const name of this.files.readdirSync(directory)) if (name.endsWith(UNFINISHED)) this.remove(path.join(directory, name));
    });
  }

  #passOver(file: string, error: unknown): undefined {
    if (!isMissing(error)) this.tell('a file could not be read; it is passed over', file, error);
  }

  #setAside(file: string, error: unknown): undefined {
    const keptAs = `${file}.damaged-${this.#now()}`;
    try {
      this.files.renameSync(file, keptAs);
      this.tell('a file is damaged and was set aside', file, error, keptAs);
      this.#forgetOldest(path.dirname(file));
    } catch (failure) {
      this.tell('a file is damaged and could not be set aside; it is passed over', file, failure);
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
