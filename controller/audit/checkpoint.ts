import type { AuditCheckpoint } from '../../proto/gen/ctfleet/v1/link.ts';
import { isSigned, type AuditKey, type Signature } from './signature.ts';

/** The head of a chain at one time, signed: entries up to it can neither be changed nor taken away without that being seen. */
export interface Checkpoint extends Signature {
  chain: string;
  seq: number;
  /** Of the entry with that number. */
  hash: string;
  /** ISO 8601 in UTC with milliseconds. */
  at: string;
}

/** Signs the head of a chain. */
export function checkpointOf({ chain, seq, hash, at }: Pick<Checkpoint, 'chain' | 'seq' | 'hash' | 'at'>, key: AuditKey): Checkpoint {
  return { chain, seq, hash, at, ...key.sign({ chain, seq, hash, at }) };
}

/** True if the checkpoint was signed with this key and says what was signed. */
export function isGenuine({ chain, seq, hash, at, ...signature }: Checkpoint, publicPem: string): boolean {
  return isSigned({ chain, seq, hash, at }, signature, publicPem);
}

/** As agents are given it. */
export function toWireCheckpoint({ chain, seq, hash, at, signature, keyId }: Checkpoint): AuditCheckpoint {
  return { chain, seq: BigInt(seq), hash, atMs: BigInt(Date.parse(at)), signature: Buffer.from(signature, 'base64'), keyId };
}
