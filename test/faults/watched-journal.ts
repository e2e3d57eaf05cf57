import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Disk } from '../../agent/disk/disk.ts';
import { Result, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import { Journal, readRecords, type JournalRecord } from '../../agent/operations/journal.ts';
import type { OwnDeed } from './history.ts';

/** What a journal record says; undefined for one that belongs to no command. */
export function toDeed(record: JournalRecord): OwnDeed | undefined {
  if (record.kind === 'emergency' || record.kind === 'other' || record.id === '') return undefined;
  if (record.kind === 'received') return { kind: 'received', commandId: record.id, seq: BigInt(record.seq), epoch: BigInt(record.epoch) };
  if (record.kind !== 'finished') return { kind: record.kind, commandId: record.id };
  const { state } = Result.decode(Buffer.from(record.result, 'base64'));
  return { kind: 'finished', commandId: record.id, isKnown: state !== Result_State.STATE_INDETERMINATE };
}

/** A journal that reports what is really on disk: a record that cannot be read back was never written. */
export class WatchedJournal extends Journal {
  readonly #file: string;
  readonly #onDeed: (deed: OwnDeed) => void;

  constructor(folder: string, disk: Disk, onDeed: (deed: OwnDeed) => void) {
    super(folder, disk);
    this.#file = path.join(folder, 'journal');
    this.#onDeed = onDeed;
  }

  override append(record: JournalRecord): void {
    const deed = toDeed(record);
    try {
      super.append(record);
    } catch (error) {
      if (deed && 'commandId' in deed) this.#onDeed({ kind: 'unwritten', commandId: deed.commandId });
      throw error;
    }
    const last = readRecords(readFileSync(this.#file)).records.at(-1);
    if (deed && isDeepStrictEqual(last, JSON.parse(JSON.stringify(record)))) this.#onDeed(deed);
  }
}
