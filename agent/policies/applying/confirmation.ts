import type { PendingChange } from './change-record.ts';

/** By what a change is confirmed: a session of the controller's, or another run of this program by an administrator. */
export interface Confirmer {
  /** When it began, on the clock of `BootClock`: an old connection goes on where no new one comes in. */
  openedAtBootMs: number;
}

/** Why a change does not count as confirmed; undefined if it does. */
export function whyNotConfirmed({ phase, record }: PendingChange, by: Confirmer, nowBootMs: number): string | undefined {
  if (phase !== 'unconfirmed' || record.verifiedAtBootMs === undefined) return 'it is not in force yet, or not as a whole';
  if (nowBootMs >= record.deadlineBootMs) return 'its time is over, and everything is put back';
  if (by.openedAtBootMs < record.verifiedAtBootMs) return 'what confirms it must have begun after it was in force; connect again';
  return undefined;
}
