import { FleetError } from '../../../proto/model/error-codes.ts';
import type { BootClock } from '../../time/boot-clock.ts';
import type { ChangeFolder } from './change-folder.ts';
import { DIED, type ChangeRecord, type PendingPhase } from './change-record.ts';
import { putBack } from './put-back.ts';
import type { PolicyKernel } from './kernel.ts';

export interface WatchHands {
  folder: ChangeFolder;
  kernel: PolicyKernel;
  clock: BootClock;
  now: () => number;
  /** Ends the process that carries the change out, if it is still there. */
  killChanger: () => void;
  /** True once it is to be put back at once. */
  isHurried?: () => boolean;
}

/** How often it is looked whether there is still something to watch over. */
const LOOK_MS = 400;
/** After the deadline, whoever still holds the lock is given this long; then whoever carries the change out is ended. */
const KILL_MS = 1000;
/** And after this long, nothing keeps the gateway from being put back. */
const FORCE_MS = 2500;
const AGAIN_MS = 500;
/** A disk that lets no record be removed keeps it; whoever reads it later finds everything put back. */
const MAX_REMOVALS = 60;

/**
 * The dead-man: waits until a change is over, and puts the gateway back if it was not confirmed by its deadline, or if the process that
 * carried it out has died before it was in force. Needs nothing but the record that it is given.
 */
export async function watchOver(record: ChangeRecord, hands: WatchHands): Promise<void> {
  const { folder, clock, killChanger, isHurried = () => false } = hands;
  for (let failures = 0; ;) {
    const phase = folder.phaseOf(record.id);
    if (phase === undefined || failures >= MAX_REMOVALS) return;
    const lateMs = clock.bootMs() - record.deadlineBootMs;
    const isDue = lateMs >= 0 || isHurried();
    if (phase === 'changing' && lateMs >= KILL_MS) killChanger();
    const release = isDue || phase === 'changing' ? lockOf(folder) : undefined;
    try {
      if (release || lateMs >= FORCE_MS) {
        const now = folder.phaseOf(record.id);
        if (now === 'changing' || (now && isDue)) await end(record, now, hands, isDue);
        if (now !== 'unconfirmed' || isDue) return;
      }
    } catch (error) {
      // A disk that fails is told by the file system, with a code; the kernel, which is tried for ever, without.
      if ((error as NodeJS.ErrnoException).code !== undefined && !(error instanceof FleetError)) failures++;
    } finally {
      release?.();
    }
    await clock.delay(isDue ? AGAIN_MS : Math.min(LOOK_MS, Math.max(1, -lateMs)));
  }
}

async function end(record: ChangeRecord, phase: PendingPhase, hands: WatchHands, isDue: boolean): Promise<void> {
  const why = isDue ? 'It was not confirmed in time.' : DIED;
  await putBack({ phase, record }, hands, why);
}

/** Undefined also where the disk does not give it. */
function lockOf(folder: ChangeFolder): (() => void) | undefined {
  try {
    return folder.tryLock();
  } catch {
    return undefined;
  }
}
