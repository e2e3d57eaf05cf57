import { isSameEntry } from './identity.ts';
import { findBodies } from './kernel-commands.ts';
import type { FlowIdentity } from './table.ts';
import { RawEntry } from './wire/raw-entry.ts';

/** Whether each of these is still the entry it was; see ConntrackTable.areThere. */
export function areThere(flows: readonly FlowIdentity[]): boolean[] {
  const entry = new RawEntry();
  return findBodies(flows).map((body, index) => {
    if (!body) return false;
    entry.read(body, 0, body.length);
    return isSameEntry({ id: entry.id, startedAtMs: entry.startedAtMs() }, flows[index]!);
  });
}
