import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk } from './disk.ts';
import { quietly, syncFolderOf, writeAll } from './files.ts';

/**
 * What a log's bytes hold. `length`: where its last whole line ends; beyond it is the one write that a crash tore. `damaged`: numbers of
 * lines that are neither whole nor that.
 */
export interface Scanned<T> {
  records: T[];
  length: number;
  damaged: number[];
}

/**
 * Reads a log: one record a line, CRC-32 in hex, a space, its text. Only what is last and has no end of line can be a torn write, because
 * each
 * record is on disk before the next is begun; anything else was written whole and damaged afterwards.
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
  // A whole record whose end of line has become another byte.
  if (textOf(bytes.subarray(length, -1)) !== undefined) damaged.push(line);
  return { records, length, damaged };
}

/** The text of a whole line without its end; undefined for one that is torn or damaged. */
function textOf(line: Buffer): string | undefined {
  const text = line.toString('utf8');
  return /^[0-9a-f]{8} /.test(text) && checksum(text.slice(9)) === text.slice(0, 8) ? text.slice(9) : undefined;
}

/** A log of these records. */
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
 * A log on disk that is only ever added to. A record is in it whole, or was taken back and the append throws. Where it cannot be taken
 * back, or
 * the log cannot be opened for writing, each append tries that first and throws as long as it fails: nothing is ever written behind a torn
 * record.
 */
export class RecordLog<T> {
  /** What was in it when it was opened; empty for one that cannot be read. */
  readonly records: readonly T[];
  /** Why it must not be written to; the file stays as it is. */
  readonly damage: string | undefined;
  readonly #disk: Disk;
  readonly #file: string;
  #fd: number | undefined;
  #length: number;
  #isInDoubt = false;
  /** What has to succeed before the next write. */
  #mend: (() => void) | undefined = () => this.#open();

  constructor(file: string, parse: (text: string) => T, disk: Disk) {
    this.#disk = disk;
    this.#file = file;
    const { records, length, damaged, problem } = read(file, parse, disk);
    this.records = records;
    this.#length = length;
    this.damage =
      problem ?? (damaged.length > 0 ? `${counted(damaged.length)} cannot be read, the first is line ${damaged[0]}` : undefined);
    if (this.damage !== undefined) return;
    try {
      this.#mendNow();
    } catch (error) {
      disk.tell('a log cannot be written to; it is tried again at each record', file, error);
    }
  }

  /** Adds a record; on disk when it returns. Throws what the file system throws, and then the record is not in the log. */
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

  /** True after an append that failed and could not be taken back either: what it wrote may be found whole after a restart. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** Writes the log new, with these records only. Throws what the file system throws; it then holds what it held, or the new records. */
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

  /** Opens it, and cuts off what a crash tore. */
  #open(): void {
    const { files } = this.#disk;
    files.mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    this.#fd ??= files.openSync(this.#file, 'a+', 0o600);
    this.#takeBack();
    syncFolderOf(files, this.#file);
  }

  /** Whichever of two whole logs the name now stands for. */
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
    disk.tell('the last record of a log is torn and is cut off', file, `${bytes.length - scanned.length} bytes`);
  return scanned;
}

function counted(lines: number): string {
  return lines === 1 ? 'one record' : `${lines} records`;
}
