import path from 'node:path';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Disk } from '../disk/disk.ts';
import { formatLog, RecordLog, scanRecords } from '../disk/record-log.ts';

/**
 * What the agent has accepted and done, on disk before it is reported; a record log of JSON.
 *
 *     received ──▶ started ──▶ finished ──▶ acknowledged
 *         └────── refused, late ──▶┘
 *
 * `received` is written before it is reported to the controller, `started` before the first entry is touched, `finished` before the result
 * is sent. After a crash a torn last record is cut off; a command that had started runs again on exactly the same frozen flows, whose ids
 * make that harmless. Damage elsewhere may hide what was done: the file is then left as it is, what can be read applies, and nothing more
 * is written until the gateway's owner accepts what is left (accept-journal.ts).
 */
export type JournalRecord =
  /** `way` is absent in journals of agents that could only delete. */
  | { kind: 'received'; id: string; seq: string; epoch: string; planId: string; way?: Ending; undoOf?: string; isPolicy?: true }
  | { kind: 'started'; id: string; atMs: number; tableBefore?: number }
  /** `result` is the encoded Result without its runs' parts, base64. */
  | { kind: 'finished'; id: string; result: string }
  | { kind: 'acknowledged'; id: string }
  /** May come before the command itself. */
  | { kind: 'stopped'; id: string }
  /** Not a command: the table was full, and at most `most` finished or unanswered flows were to be deleted; see table-pressure.ts. */
  | { kind: 'emergency'; atMs: number; count: number; max?: number; drop?: number; most: number }
  /** A record of another version of the agent: ignored, and kept as it is. */
  | { kind: 'other'; text: string };

/** How a command ends flows: Method of operation.proto, its duration, and how long deleted flows are kept for an undo. */
export interface Ending {
  method: number;
  forSeconds?: number;
  undoForSeconds?: number;
}

/** A command's state. `undoOf`: the command that it undoes; absent for one that runs a plan. `isPolicy`: it puts a policy in force. */
export interface JournalledCommand {
  state: 'received' | 'started' | 'finished';
  seq: bigint;
  planId: string;
  ending?: Ending;
  undoOf?: string;
  isPolicy?: true;
  startedAtMs?: number;
  tableBefore?: number;
  result?: string;
}

/** The state of each command according to the records. */
export interface JournalState {
  lastSeq: bigint;
  lastEpoch: bigint;
  commands: Map<string, JournalledCommand>;
  lastEmergencyAtMs?: number;
  /** Acknowledged commands, newest last, so that a late duplicate is recognised. */
  acknowledged: Set<string>;
  /** Stopped commands, newest last; some of them may not have arrived yet. */
  stopped: Set<string>;
  /** Texts of records of another version, newest last. */
  others: string[];
}

const REMEMBERED = 1000;
const COMPACT_AFTER = 5000;
/** Records until compaction is tried again after a failure. */
const COMPACT_AGAIN_AFTER = 500;

const id = z.string();
const count = z.number();
const whole = z.string().regex(/^\d{1,20}$/);
const ending = z.object({ method: count, forSeconds: count.optional(), undoForSeconds: count.optional() });
const schema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('received'),
    id,
    seq: whole,
    epoch: whole,
    planId: z.string(),
    way: ending.optional(),
    undoOf: z.string().optional(),
    isPolicy: z.literal(true).optional(),
  }),
  z.object({ kind: z.literal('started'), id, atMs: count, tableBefore: count.optional() }),
  z.object({ kind: z.literal('finished'), id, result: z.string() }),
  z.object({ kind: z.literal('acknowledged'), id }),
  z.object({ kind: z.literal('stopped'), id }),
  z.object({ kind: z.literal('emergency'), atMs: count, count, max: count.optional(), drop: count.optional(), most: count }),
]);
const KINDS: ReadonlySet<string> = new Set(schema.options.map(({ shape }) => shape.kind.value));

/** Parses a record; throws for one of a known kind that does not match its schema. */
function parseRecord(text: string): JournalRecord {
  const raw = z.object({ kind: z.string() }).loose().parse(JSON.parse(text));
  return KINDS.has(raw.kind) ? schema.parse(raw) : { kind: 'other', text };
}

function formatRecord(record: JournalRecord): string {
  return record.kind === 'other' ? record.text : JSON.stringify(record);
}

export function emptyJournalState(): JournalState {
  return { lastSeq: 0n, lastEpoch: 0n, commands: new Map(), acknowledged: new Set(), stopped: new Set(), others: [] };
}

/** Applies one record. Pure except for the state it is given. */
export function applyRecord(state: JournalState, record: JournalRecord): void {
  if (record.kind === 'emergency') {
    state.lastEmergencyAtMs = record.atMs;
    return;
  }
  if (record.kind === 'other') {
    state.others = [...state.others, record.text].slice(-REMEMBERED);
    return;
  }
  switch (record.kind) {
    case 'received':
      if (BigInt(record.seq) > state.lastSeq) state.lastSeq = BigInt(record.seq);
      if (BigInt(record.epoch) > state.lastEpoch) state.lastEpoch = BigInt(record.epoch);
      state.commands.set(record.id, {
        state: 'received',
        seq: BigInt(record.seq),
        planId: record.planId,
        ending: record.way,
        undoOf: record.undoOf,
        isPolicy: record.isPolicy,
      });
      return;
    case 'started':
      put(state, record.id, { state: 'started', startedAtMs: record.atMs, tableBefore: record.tableBefore });
      return;
    case 'finished':
      put(state, record.id, { state: 'finished', result: record.result });
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

/** A command whose first record was lost to damage is known by its later ones, so that its id never runs again. */
function put(state: JournalState, id: string, change: Partial<JournalledCommand> & Pick<JournalledCommand, 'state'>): void {
  if (!state.acknowledged.has(id)) state.commands.set(id, { seq: 0n, planId: '', ...state.commands.get(id), ...change });
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  const oldest = ids.values().next().value;
  if (ids.size > REMEMBERED && oldest !== undefined) ids.delete(oldest);
}

/** Formats records as they are on disk. */
export function formatRecords(records: readonly JournalRecord[]): Buffer {
  return formatLog(records.map(formatRecord));
}

/** Parses what can be read; see scanRecords. */
export function readRecords(bytes: Buffer): { records: JournalRecord[]; length: number; damaged: number[] } {
  return scanRecords(bytes, parseRecord);
}

/** The fewest records that hold everything that still matters. */
export function recordsOf(state: JournalState): JournalRecord[] {
  const records: JournalRecord[] = [
    { kind: 'received', id: '', seq: String(state.lastSeq), epoch: String(state.lastEpoch), planId: '' },
    { kind: 'acknowledged', id: '' },
  ];
  if (state.lastEmergencyAtMs !== undefined) records.push({ kind: 'emergency', atMs: state.lastEmergencyAtMs, count: 0, most: 0 });
  for (const id of state.acknowledged)
    records.push({ kind: 'received', id, seq: '0', epoch: '0', planId: '' }, { kind: 'acknowledged', id });
  for (const [id, command] of state.commands) {
    records.push({
      kind: 'received',
      id,
      seq: String(command.seq),
      epoch: '0',
      planId: command.planId,
      way: command.ending,
      undoOf: command.undoOf,
      isPolicy: command.isPolicy,
    });
    if (command.state !== 'received')
      records.push({ kind: 'started', id, atMs: command.startedAtMs ?? 0, tableBefore: command.tableBefore });
    if (command.result !== undefined) records.push({ kind: 'finished', id, result: command.result });
  }
  for (const id of state.stopped) records.push({ kind: 'stopped', id });
  for (const text of state.others) records.push({ kind: 'other', text });
  return records;
}

/** The journal on disk. An agent that cannot write it must not destroy anything. */
export class Journal {
  readonly state = emptyJournalState();
  /** Set if it is damaged: what is wrong and how its owner repairs it. Then nothing is written, and no flow may be ended. */
  readonly damage: string | undefined;
  readonly #file: string;
  readonly #disk: Disk;
  readonly #log: RecordLog<JournalRecord>;
  readonly #compactAfter: number;
  /** Records until the next compaction. */
  #recordsLeft: number;

  /** @param compactAfter number of records after which it is compacted to those that still matter */
  constructor(directory: string, disk = new Disk(), compactAfter = COMPACT_AFTER) {
    this.#compactAfter = compactAfter;
    this.#disk = disk;
    this.#file = path.join(directory, 'journal');
    this.#log = new RecordLog(this.#file, parseRecord, disk);
    this.#recordsLeft = compactAfter - this.#log.records.length;
    for (const record of this.#log.records) applyRecord(this.state, record);
    if (this.#log.damage === undefined) return;
    // The remedy comes first: the text may be truncated where it is shown.
    this.damage =
      'The journal is damaged, and no flow is ended here: stop the agent, run its main.js accept-journal, and start it again. ' +
      `In ${this.#file}, ${this.#log.damage}; records of what was done may be missing.`;
  }

  /**
   * On disk when it returns. Throws GUARD_REFUSED if the journal is damaged, and what the file system throws; then the record is not
   * applied.
   */
  append(record: JournalRecord): void {
    if (this.damage !== undefined) throw new FleetError('GUARD_REFUSED', this.damage);
    this.#log.append(formatRecord(record));
    applyRecord(this.state, record);
    if (--this.#recordsLeft < 0) this.#compact();
  }

  /** See RecordLog: the record whose append failed last may be found after a restart. */
  get isInDoubt(): boolean {
    return this.#log.isInDoubt;
  }

  close(): void {
    this.#log.close();
  }

  /** What was appended is already on disk, so a failure costs only space. */
  #compact(): void {
    const records = recordsOf(this.state);
    try {
      this.#log.replace(records.map(formatRecord));
      this.#recordsLeft = this.#compactAfter - records.length;
    } catch (error) {
      this.#recordsLeft = COMPACT_AGAIN_AFTER;
      this.#disk.tell('a journal could not be compacted; it keeps growing', this.#file, error);
    }
  }
}
