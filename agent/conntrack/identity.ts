import type { Flow } from '../../proto/model/flow.ts';

/**
 * True if two looks at one tuple met the same entry. Ids come back (see FlowIdentity in table.ts); the start time tells two entries of one
 * id
 * apart, where the kernel keeps it.
 */
export function isSameEntry(a: Pick<Flow, 'id' | 'startedAtMs'>, b: Pick<Flow, 'id' | 'startedAtMs'>): boolean {
  return a.id === b.id && (a.startedAtMs === undefined || b.startedAtMs === undefined || a.startedAtMs === b.startedAtMs);
}
