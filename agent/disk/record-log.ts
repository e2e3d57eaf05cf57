import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk } from './disk.ts';
import { quietly, syncFolderOf, writeAll } from './files.ts';

/**
 * What a log's bytes hold. `length`: where its last whole line ends; anything beyond it is the one write that a crash tore. `damaged`:
 * numbers of all other lines that are not whole.
 */
export interface Scanned<T> {
  records: T[];
  length: number;
  damaged: number[];
}

/**
 * Reads a log: one record a line, CRC-32 in hex, a space, its text. Only the last line, if it has no line end, can be a torn write, because
 * each record is on disk before the next is begun; anything else was written whole and damaged afterwards.
 * @param parse throws for a text that it does not understand, which is damage too
 */
export function scanRecords<T>(bytes: Buffer, parse: (text: string) => T): Scanned<T> {
  const records: T[] = [];
  const damaged: number[] = [];
  let length = 0;
  let line = 1;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, length), line++) {
    const text = textOf(bytes.subarray(length, end));
    try {
      if (text === undefined) damaged.push(line);
      else records.push(parse(text));
    } catch {
      damaged.push(line);
    }
    length = end + 1;
  }
  // A whole record whose line end was corrupted.
  if (textOf(bytes.subarray(length, -1)) !== undefined) damaged.push(line);
  return { records, length, damaged };
}

/** The text of a whole line without its line end; undefined for one that is torn or damaged. */
function textOf(line: Buffer): string | undefined {
  const text = line.toString('utf8');
  return /^[0-9a-f]{8} /.test(text) && checksum(text.slice(9)) === text.slice(0, 8) ? text.slice(9) : undefined;
}

/** The bytes of a log that holds these records. */
export function formatLog(texts: readonly string[]): Buffer {
  return Buffer.concat(texts.map(toLine));
}

function toLine(text: string): Buffer {
  return Buffer.from(`${checksum(text)} ${text}\n`);
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/**
 * An append-only log on disk. A record is in it whole, or it was rolled back and the append throws. If it cannot be rolled back, or the log
 * cannot be opened for writing, each append first tries again and throws while that fails: nothing is ever written behind a torn record.
 */
export class RecordLog<T> {
  /** What it held when it was opened; empty if it cannot be read. */
  readonly records: readonly T[];
  /** Why it must not be written to; the file is left untouched. */
  readonly damage: string | undefined;
  readonly #disk: Disk;
  readonly #file: string;
  #fd: number | undefined;
  #length: number;
  #isInDoubt = false;
  /** Must succeed before the next write. */
  #mend: (() => void) | undefined = () => this.#open();

  constructor(file: string, parse: (text: string) => T, disk: Disk) {
    this.#disk = disk;
    this.#file = file;
    const { records, length, damaged, problem } = read(file, parse, disk);
    this.records = records;
    this.#length = length;
    this.damage =
      problem ?? (damaged.length > 0 ? `${counted(damaged.length)} cannot be read, the first on line ${damaged[0]}` : undefined);
    if (this.damage !== undefined) return;
    try {
      this.#mendNow();
    } catch (error) {
      disk.tell('a log cannot be written to; each record tries again', file, error);
    }
  }

  /** Appends a record; on disk when it returns. Throws what the file system throws, and then the record is not in the log. */
  append(text: string): void {
    if (this.damage !== undefined) throw new Error(`${this.#file}: ${this.damage}`);
    this.#mendNow();
    const { files } = this.#disk;
    const line = toLine(text);
    try {
      writeAll(files, this.#fd!, line);
      files.fsyncSync(this.#fd!);
    } catch (error) {
      this.#mend = () => this.#takeBack();
      this.#isInDoubt = true;
      quietly(() => this.#mendNow());
      throw error;
    }
    this.#length += line.length;
  }

  /** True after an append that failed and could not be rolled back either: the record may be found whole after a restart. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** Rewrites the log with these records only. Throws what the file system throws; the log then holds either the old or the new records. */
  replace(texts: readonly string[]): void {
    this.#mendNow();
    try {
      this.#disk.write(this.#file, formatLog(texts));
    } finally {
      this.close();
      this.#mend = () => this.#reopen();
      quietly(() => this.#mendNow());
    }
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    this.#mend = () => this.#open();
    if (fd !== undefined) quietly(() => this.#disk.files.closeSync(fd));
  }

  #mendNow(): void {
    this.#mend?.();
    this.#mend = undefined;
  }

  /** Opens the log and truncates what a crash tore. */
  #open(): void {
    const { files } = this.#disk;
    files.mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    this.#fd ??= files.openSync(this.#file, 'a+', 0o600);
    this.#takeBack();
    syncFolderOf(files, this.#file);
  }

  /** Opens whichever of the two whole logs the name now refers to. */
  #reopen(): void {
    this.#length = this.#disk.files.statSync(this.#file).size;
    this.#open();
  }

  #takeBack(): void {
    this.#disk.files.ftruncateSync(this.#fd!, this.#length);
    this.#disk.files.fsyncSync(this.#fd!);
    this.#isInDoubt = false;
  }
}

function read<T>(file: string, parse: (text: string) => T, disk: Disk): Scanned<T> & { problem?: string } {
  let bytes: Buffer;
  try {
    bytes = disk.files.readFileSync(file);
  } catch (error) {
    const none: Scanned<T> = { records: [], length: 0, damaged: [] };
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? none
      : { ...none, problem: `it cannot be read: ${(error as Error).message}` };
  }
  const scanned = scanRecords(bytes, parse);
  if (scanned.length < bytes.length && scanned.damaged.length === 0)
    disk.tell('the last record of a log is torn and was cut off', file, `${bytes.length - scanned.length} bytes`);
  return scanned;
}

function counted(lines: number): string {
  return lines === 1 ? 'one record' : `${lines} records`;
}
