import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** The chain of what concerns no tenant: sign-ins, denials. */
export const SYSTEM_CHAIN = 'system';

/** The hash before the first entry. */
export const GENESIS = '0'.repeat(64);

/** An entry as it is hashed. Absent fields are omitted, so that fields added later do not change old hashes. */
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
export type HashedEntry = ChainedEntry & { hash: string };

/** The current head of a chain. `tenantId` is null for the system chain. */
export interface Head {
  chain: string;
  tenantId: string | null;
  seq: number;
  hash: string;
}

/** The first entry of a chain that is not as it was written. `seq` is the place where it should be. */
export interface Break {
  seq: number;
  id?: string;
  why: string;
}

/** SHA-256 in hex over the entry's canonical JSON (RFC 8785), which contains the hash of the entry before it. */
export function hashEntry(entry: ChainedEntry): string {
  return createHash('sha256')
    .update(canonicalize(entry) ?? '')
    .digest('hex');
}

/** Verifies one chain entry by entry, holding only one hash in memory. */
export class ChainCheck {
  #next: number;
  #previousHash: string;

  /** @param start where the entries begin; by default at the first entry of the chain */
  constructor(start: { seq: number; previousHash: string } = { seq: 1, previousHash: GENESIS }) {
    this.#next = start.seq;
    this.#previousHash = start.previousHash;
  }

  /** The last position up to which the chain is intact. */
  get head(): { seq: number; hash: string } {
    return { seq: this.#next - 1, hash: this.#previousHash };
  }

  /** What is wrong with the next entry, if anything. Do not call it again after that. */
  add({ hash, ...entry }: HashedEntry): Break | undefined {
    const why = this.#whyNot(entry, hash);
    if (why !== undefined) return { seq: this.#next, id: entry.id, why };
    this.#next++;
    this.#previousHash = hash;
    return undefined;
  }

  #whyNot(entry: ChainedEntry, hash: string): string | undefined {
    if (entry.seq > this.#next) return `entries ${this.#next} to ${entry.seq - 1} are missing`;
    if (entry.seq < this.#next) return `entry ${entry.seq} is duplicated or out of order`;
    if (hashEntry(entry) !== hash) return 'its content is not what was hashed';
    return entry.previousHash === this.#previousHash ? undefined : 'it does not follow from the entry before it';
  }
}

/** The first break in a complete chain, given from its first entry; undefined if there is none. */
export function firstBreak(entries: Iterable<HashedEntry>): Break | undefined {
  const check = new ChainCheck();
  for (const entry of entries) {
    const found = check.add(entry);
    if (found) return found;
  }
  return undefined;
}
