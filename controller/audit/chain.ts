import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** The chain of what concerns no tenant: sign-ins, denials. */
export const SYSTEM_CHAIN = 'system';

/** The hash before the first entry. */
export const GENESIS = '0'.repeat(64);

/** An entry as it is hashed. Absent fields are left out, so that a later field does not change old hashes. */
export interface ChainedEntry {
  id: string;
  chain: string;
  seq: number;
  /** ISO 8601 in UTC with milliseconds. */
  at: string;
  actor: { kind: string; id: string; name: string };
  action: string;
  outcome: string;
  summary: string;
  planId?: string;
  flushId?: string;
  gatewayId?: string;
  gatewayName?: string;
  reason?: string;
  ticket?: string;
  detail: Record<string, unknown>;
  previousHash: string;
}

/** SHA-256 in hex over the entry's canonical JSON (RFC 8785), which holds the hash before it. */
export function hashEntry(entry: ChainedEntry): string {
  return createHash('sha256').update(canonicalize(entry) ?? '').digest('hex');
}

/** The position of the first entry that does not follow from the one before it; undefined if all do. Entries come in order of seq, from the chain's first. */
export function firstBreak(entries: (ChainedEntry & { hash: string })[]): number | undefined {
  let previousHash = GENESIS;
  for (const [index, { hash, ...entry }] of entries.entries()) {
    if (entry.seq !== index + 1 || entry.previousHash !== previousHash || hashEntry(entry) !== hash) return index + 1;
    previousHash = hash;
  }
  return undefined;
}
