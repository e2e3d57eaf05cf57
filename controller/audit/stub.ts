import { isSigned, type AuditKey, type Signature } from './signature.ts';

/** States that the beginning of a chain, entries up to `seq`, was removed by retention, and which entry was the last of them. */
export interface Stub extends Signature {
  chain: string;
  seq: number;
  /** Hash of the entry with that number, on which the first remaining entry follows. */
  hash: string;
  /** When they were removed; ISO 8601 in UTC with milliseconds. */
  at: string;
}

/** Signs a stub. The signed value contains a word that no checkpoint has, so neither can stand in for the other. */
export function stubOf(said: Pick<Stub, 'chain' | 'seq' | 'hash' | 'at'>, key: AuditKey): Stub {
  return { ...said, ...key.sign({ ...said, dropped: true }) };
}

/** True if this key signed exactly this stub. */
export function isGenuineStub({ chain, seq, hash, at, ...signature }: Stub, publicPem: string): boolean {
  return isSigned({ chain, seq, hash, at, dropped: true }, signature, publicPem);
}
