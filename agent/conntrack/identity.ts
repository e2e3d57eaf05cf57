import type { Flow } from '../../proto/model/flow.ts';

/**
 * True if two lookups of one tuple found the same entry. Ids are reused (see FlowIdentity in table.ts); the start time, if the kernel keeps
 * it, distinguishes two entries with one id.
 */
export function isSameEntry(a: Pick<Flow, 'id' | 'startedAtMs'>, b: Pick<Flow, 'id' | 'startedAtMs'>): boolean {
  return a.id === b.id && (a.startedAtMs === undefined || b.startedAtMs === undefined || a.startedAtMs === b.startedAtMs);
}
