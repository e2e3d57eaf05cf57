import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readRecords, type JournalRecord } from './operations/journal.ts';

/** A command as the journal tells of it. `acknowledged`: the controller has its result. */
export interface LastCommand {
  id: string;
  state: 'received' | 'stopped' | 'started' | 'finished' | 'acknowledged';
  isPolicy: boolean;
  startedAtMs?: number;
}

/** Commands of which records tell, oldest first, each with its last state. */
export function commandsIn(records: readonly JournalRecord[]): LastCommand[] {
  const commands = new Map<string, LastCommand>();
  for (const record of records) {
    if (record.kind === 'emergency' || record.kind === 'other') continue;
    const before = commands.get(record.id) ?? { id: record.id, isPolicy: false };
    const startedAtMs = record.kind === 'started' ? record.atMs : 'startedAtMs' in before ? before.startedAtMs : undefined;
    const isPolicy = before.isPolicy || (record.kind === 'received' && record.isPolicy === true);
    commands.set(record.id, { id: record.id, state: record.kind, isPolicy, startedAtMs });
  }
  return [...commands.values()];
}

/** The same of a state folder, also while an agent writes there. None where there is no journal. Throws what the file system throws. */
export function lastCommands(stateDir: string): LastCommand[] {
  try {
    return commandsIn(readRecords(readFileSync(path.join(stateDir, 'journal'))).records);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
