import { isSigned, type AuditKey, type Signature } from './signature.ts';

/** Says that the beginning of a chain, entries up to `seq`, was taken away by what is kept how long, and which the last of them was. */
export interface Stub extends Signature {
  chain: string;
  seq: number;
  /** Of the entry with that number, on which the first one that is left follows. */
  hash: string;
  /** When they went; ISO 8601 in UTC with milliseconds. */
  at: string;
}

/** Signs a stub. What is signed has a word that no checkpoint has: neither can stand for the other. */
export function stubOf(said: Pick<Stub, 'chain' | 'seq' | 'hash' | 'at'>, key: AuditKey): Stub {
  return { ...said, ...key.sign({ ...said, dropped: true }) };
}

/** True if the stub was signed with this key and says what was signed. */
export function isGenuineStub({ chain, seq, hash, at, ...signature }: Stub, publicPem: string): boolean {
  return isSigned({ chain, seq, hash, at, dropped: true }, signature, publicPem);
}
