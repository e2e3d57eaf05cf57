import { Result, Result_State } from '../proto/gen/ctfleet/v1/operation.ts';
import { Disk } from './disk/disk.ts';
import { acceptJournal, type AcceptedJournal } from './operations/accept-journal.ts';
import { remediationsFolder, unknownSweep } from './remediations/run-log.ts';

const UNKNOWN =
  'The journal of this gateway was damaged, and its owner accepted what was left of it. Whether the command ran is not known.';

/**
 * What the owner of a gateway runs after damage to a journal, with the agent stopped: both journals, that of commands and that of
 * remediations. Returns lines for people. Throws what the file system throws.
 */
export function acceptJournals(stateDir: string, nowMs: number, disk = new Disk({ now: () => nowMs })): string[] {
  const at = BigInt(nowMs);
  const commands = acceptJournal(
    stateDir,
    (id) =>
      Result.encode(
        Result.fromPartial({
          commandId: id,
          state: Result_State.STATE_INDETERMINATE,
          reason: 'INTERNAL',
          detail: UNKNOWN,
          isLastPart: true,
          startedAtMs: at,
          finishedAtMs: at,
        }),
      ).finish(),
    disk,
    nowMs,
  );
  const directory = remediationsFolder(stateDir);
  const runs = acceptJournal(directory, (id) => unknownSweep(directory, id, disk), disk, nowMs);
  return [...wordsOf('commands', commands), ...wordsOf('remediations', runs)];
}

function wordsOf(what: string, accepted: AcceptedJournal | undefined): string[] {
  if (!accepted) return [`The journal of ${what} is not damaged; it stays as it is.`];
  const { setAside, damagedLines, kept, open } = accepted;
  return [
    `The journal of ${what} had ${damagedLines.length} damaged of ${damagedLines.length + kept} records: line ${damagedLines.slice(0, 20).join(', ')}${damagedLines.length > 20 ? ', …' : ''}.`,
    `  It is kept as ${setAside}; a new one of the ${kept} others is in its place.`,
    ...open.map((id) => `  ${id}: nobody can say whether it ran; it is reported as indeterminate and will not run.`),
  ];
}
