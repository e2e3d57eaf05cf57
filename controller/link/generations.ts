/** What is known of a gateway's certificates. */
export interface Certificates {
  /** Of the newest that was issued. */
  generation: number;
  /** The key of the newest, as `keyHash`; undefined if it is not known. */
  keyHash?: string;
  /** The newest generation that has opened a session. */
  used: number;
}

/** A certificate that a gateway presents. `keyHash`: SHA-256 of its public key (SPKI), base64url. */
export interface Presented {
  generation: number;
  keyHash: string;
}

export type SessionVerdict = { kind: 'good'; next: Certificates } | { kind: 'superseded' } | { kind: 'clones'; reason: string };

/**
 * May a certificate open a session? The newest may, and the one before it until the newest was used: its answer may have been lost. A newer
 * one than we know of dates from after the backup that our database was restored from.
 */
export function judgeSession(known: Certificates, presented: Presented): SessionVerdict {
  const { generation, keyHash } = presented;
  if (generation < known.used) return { kind: 'superseded' };
  if (generation === known.generation && known.keyHash !== undefined && known.keyHash !== keyHash)
    return { kind: 'clones', reason: `two agents hold certificates of generation ${generation} with different keys` };
  const isNewest = generation >= known.generation;
  return {
    kind: 'good',
    next: isNewest ? { generation, keyHash, used: generation } : { ...known, used: generation },
  };
}

export type RenewalVerdict = { kind: 'issue'; next: Certificates } | { kind: 'superseded' } | { kind: 'clones'; reason: string };

/**
 * May a certificate be replaced by one for a new key? A retry has the same new key and gets the same generation; with another key it is
 * somebody else who holds the same certificate.
 */
export function judgeRenewal(known: Certificates, presented: Presented, newKeyHash: string): RenewalVerdict {
  const { generation } = presented;
  if (generation < known.used) return { kind: 'superseded' };
  if (generation < known.generation) {
    const isRetry = generation === known.generation - 1 && (known.keyHash === undefined || known.keyHash === newKeyHash);
    if (!isRetry) return { kind: 'clones', reason: `two agents renewed the same certificate, of generation ${generation}` };
    return { kind: 'issue', next: { ...known, keyHash: newKeyHash } };
  }
  const judged = judgeSession(known, presented);
  if (judged.kind !== 'good') return judged;
  return { kind: 'issue', next: { generation: generation + 1, keyHash: newKeyHash, used: generation } };
}
