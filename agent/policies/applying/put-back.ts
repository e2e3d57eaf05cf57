import { restore } from './carry-out.ts';
import type { ChangeFolder } from './change-folder.ts';
import type { ChangeOutcome, PendingChange } from './change-record.ts';
import type { PolicyKernel } from './kernel.ts';

export interface PutBackHands {
  folder: ChangeFolder;
  kernel: PolicyKernel;
  /** Milliseconds since 1970, for people. */
  now: () => number;
}

/**
 * Ends a pending change: the gateway is as it was before. Whoever calls it holds the lock. Throws what could not be put back, or the
 * failure to remove the record; it is to be called again then.
 */
export async function putBack(pending: PendingChange, hands: PutBackHands, why: string): Promise<ChangeOutcome> {
  await restore(pending.record.changes, hands.kernel);
  return end(pending, hands, 'restored', why);
}

/** Ends a pending change of which the kernel holds nothing any more. Throws likewise. */
export function forget(pending: PendingChange, hands: Omit<PutBackHands, 'kernel'>): ChangeOutcome {
  return end(pending, hands, 'gone', 'The gateway has started since, and a start sets everything as it is kept.');
}

function end(
  { phase, record }: PendingChange,
  { folder, now }: Omit<PutBackHands, 'kernel'>,
  outcome: ChangeOutcome['outcome'],
  why: string,
): ChangeOutcome {
  const { id, policy, commandId } = record;
  const ended: ChangeOutcome = { id, policy, ...(commandId !== undefined && { commandId }), outcome, why, at: now() };
  folder.end(phase);
  folder.tell(ended);
  return ended;
}
