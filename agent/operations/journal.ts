import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * What the agent has promised and done, on disk before it is said. One record a line: CRC-32 in hex, a space, JSON.
 *
 *     received ──▶ started ──▶ finished ──▶ acknowledged
 *         └────── refused, late ──▶┘
 *
 * `received` is written before the controller hears of it, `started` before the first entry is touched, `finished` before the
 * result is sent. After a crash a torn last line is cut off; a command that had started is carried out again on the very same
 * frozen flows, whose ids make that harmless.
 */
export type JournalRecord =
  /** `way` is absent in journals of agents that could only delete. */
  | { kind: 'received'; id: string; seq: string; epoch: string; planId: string; way?: Way; undoOf?: string }
  | { kind: 'started'; id: string; atMs: number; tableBefore?: number }
  /** `result` is the encoded Result without its runs' parts, base64. */
  | { kind: 'finished'; id: string; result: string }
  | { kind: 'acknowledged'; id: string }
  /** May come before the command itself. */
  | { kind: 'stopped'; id: string }
  /** No command: the table was full, and at most `most` flows that are over or were never answered were to be deleted; see table-pressure.ts. */
  | { kind: 'emergency'; atMs: number; count: number; max?: number; drop?: number; most: number };

/** How a command ends flows: Method of operation.proto, its time, and how long what it deleted is kept for an undo. */
export interface Way { method: number; forSeconds?: number; undoForSeconds?: number }

/** A command as it stands. `undoOf`: the command that it undoes; absent for one that runs a plan. */
export interface JournalledCommand {
  state: 'received' | 'started' | 'finished';
  seq: bigint; planId: string; way?: Way; undoOf?: string; startedAtMs?: number; tableBefore?: number; result?: string;
}

/** Where each command stands, as the records say. */
export interface JournalState {
  lastSeq: bigint;
  lastEpoch: bigint;
  commands: Map<string, JournalledCommand>;
  lastEmergencyAtMs?: number;
  /** Acknowledged ones, newest last, so that a late duplicate is known. */
  acknowledged: Set<string>;
  /** Those that are to do no more, newest last; some of them have not come yet. */
  stopped: Set<string>;
}

const REMEMBERED = 1000;
const COMPACT_AFTER = 5000;

export function emptyJournalState(): JournalState {
  return { lastSeq: 0n, lastEpoch: 0n, commands: new Map(), acknowledged: new Set(), stopped: new Set() };
}

/** Applies one record. Pure but for the state it is given. */
export function applyRecord(state: JournalState, record: JournalRecord): void {
  if (record.kind === 'emergency') {
    state.lastEmergencyAtMs = record.atMs;
    return;
  }
  const known = state.commands.get(record.id);
  switch (record.kind) {
    case 'received':
      if (BigInt(record.seq) > state.lastSeq) state.lastSeq = BigInt(record.seq);
      if (BigInt(record.epoch) > state.lastEpoch) state.lastEpoch = BigInt(record.epoch);
      state.commands.set(record.id, { state: 'received', seq: BigInt(record.seq), planId: record.planId, way: record.way, undoOf: record.undoOf });
      return;
    case 'started':
      if (known) Object.assign(known, { state: 'started', startedAtMs: record.atMs, tableBefore: record.tableBefore });
      return;
    case 'finished':
      if (known) Object.assign(known, { state: 'finished', result: record.result });
      return;
    case 'acknowledged':
      state.commands.delete(record.id);
      state.stopped.delete(record.id);
      remember(state.acknowledged, record.id);
      return;
    case 'stopped':
      remember(state.stopped, record.id);
  }
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  const oldest = ids.values().next().value;
  if (ids.size > REMEMBERED && oldest !== undefined) ids.delete(oldest);
}

/** Reads records until the first line that is torn or damaged; `length` is where that line begins. */
export function readRecords(bytes: Buffer): { records: JournalRecord[]; length: number } {
  const records: JournalRecord[] = [];
  let length = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, length)) {
    const line = bytes.subarray(length, end).toString('utf8');
    if (!/^[0-9a-f]{8} /.test(line) || checksum(line.slice(9)) !== line.slice(0, 8)) break;
    records.push(JSON.parse(line.slice(9)) as JournalRecord);
    length = end + 1;
  }
  return { records, length };
}

/** The journal on disk. Throws what the file system throws: an agent that cannot write it must not destroy anything. */
export class Journal {
  readonly state: JournalState;
  readonly #file: string;
  #fd: number;
  #records: number;

  constructor(directory: string) {
    this.#file = path.join(directory, 'journal');
    this.#fd = openSync(this.#file, 'a+', 0o600);
    const { records, length } = readRecords(readFileSync(this.#file));
    ftruncateSync(this.#fd, length);
    this.#records = records.length;
    this.state = emptyJournalState();
    for (const record of records) applyRecord(this.state, record);
  }

  /** On disk when it returns. */
  append(record: JournalRecord): void {
    writeSync(this.#fd, toLine(record));
    fsyncSync(this.#fd);
    applyRecord(this.state, record);
    this.#records++;
    if (this.#records > COMPACT_AFTER) this.#compact();
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Writes what still matters to a new file that replaces the old one at a stroke. */
  #compact(): void {
    const records: JournalRecord[] = [{ kind: 'received', id: '', seq: String(this.state.lastSeq), epoch: String(this.state.lastEpoch), planId: '' }, { kind: 'acknowledged', id: '' }];
    if (this.state.lastEmergencyAtMs !== undefined) records.push({ kind: 'emergency', atMs: this.state.lastEmergencyAtMs, count: 0, most: 0 });
    for (const id of this.state.acknowledged) records.push({ kind: 'received', id, seq: '0', epoch: '0', planId: '' }, { kind: 'acknowledged', id });
    for (const [id, command] of this.state.commands) {
      records.push({ kind: 'received', id, seq: String(command.seq), epoch: '0', planId: command.planId, way: command.way, undoOf: command.undoOf });
      if (command.state !== 'received') records.push({ kind: 'started', id, atMs: command.startedAtMs ?? 0, tableBefore: command.tableBefore });
      if (command.result !== undefined) records.push({ kind: 'finished', id, result: command.result });
    }
    for (const id of this.state.stopped) records.push({ kind: 'stopped', id });
    const next = `${this.#file}.next`;
    const fd = openSync(next, 'w', 0o600);
    writeSync(fd, records.map(toLine).join(''));
    fsyncSync(fd);
    renameSync(next, this.#file);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#records = records.length;
  }
}

function toLine(record: JournalRecord): string {
  const text = JSON.stringify(record);
  return `${checksum(text)} ${text}\n`;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
