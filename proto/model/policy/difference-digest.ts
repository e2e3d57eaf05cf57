import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { PolicyDifference } from './difference.ts';

/**
 * What a roll-out was planned as on one gateway: SHA-256 over the canonical JSON (RFC 8785) of the difference, taken by the controller from
 * a reading and by the agent from its kernel. Of reasons nothing counts: they are prose that is cut on its way. Of what others left in our
 * table it counts only that there is some.
 */
export function differenceDigest({ changes, isReordered, strange }: PolicyDifference): Uint8Array<ArrayBuffer> {
  const counted = {
    changes: changes.map((change) => ({ ...change, verdict: change.verdict.kind })),
    isReordered,
    isStrange: strange.length > 0,
  };
  return new Uint8Array(
    createHash('sha256')
      .update(canonicalize(counted) ?? '')
      .digest(),
  );
}

/** How many values a difference would set. */
export function changeCount({ changes, isReordered }: PolicyDifference): number {
  return changes.filter(({ verdict }) => verdict.kind === 'set').length + (isReordered ? 1 : 0);
}
