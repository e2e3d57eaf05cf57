import path from 'node:path';
import type { Disk } from '../disk/disk.ts';
import { applyRecord, emptyJournalState, formatRecords, readRecords, recordsOf, type JournalledCommand } from './journal.ts';

/** What the owner of a gateway accepted. `open`: commands of which nobody can say any more whether they ran. */
export interface AcceptedJournal {
  setAside: string;
  damagedLines: number[];
  kept: number;
  open: string[];
}

/**
 * Puts a journal of what can still be read in the place of a damaged one, which is kept beside it; undefined where there is no damage.
 * A command that had not finished is finished as one of which nothing is known: it never runs again. Throws what the file system throws.
 * @param unknown the result of such a command, as it is journalled
 */
export function acceptJournal(
  directory: string,
  unknown: (id: string, command: JournalledCommand) => Uint8Array,
  disk: Disk,
  nowMs: number,
): AcceptedJournal | undefined {
  const file = path.join(directory, 'journal');
  const bytes = read(file, disk);
  const { records, damaged } = readRecords(bytes);
  if (damaged.length === 0) return undefined;
  const state = emptyJournalState();
  for (const record of records) applyRecord(state, record);
  const open = [...state.commands].filter(([, command]) => command.state !== 'finished');
  for (const [id, command] of open)
    applyRecord(state, { kind: 'finished', id, result: Buffer.from(unknown(id, command)).toString('base64') });
  const setAside = `${file}.set-aside-${nowMs}`;
  disk.write(setAside, bytes);
  disk.write(file, formatRecords(recordsOf(state)));
  return { setAside, damagedLines: damaged, kept: records.length, open: open.map(([id]) => id) };
}

function read(file: string, disk: Disk): Buffer {
  try {
    return disk.files.readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
