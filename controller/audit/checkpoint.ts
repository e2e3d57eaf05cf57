import type { AuditCheckpoint } from '../../proto/gen/ctfleet/v1/link.ts';
import { isSigned, type AuditKey, type Signature } from './signature.ts';

/** A signed head of a chain at one time: changing or removing any entry up to it is detectable. */
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

/** True if this key signed exactly this checkpoint. */
export function isGenuine({ chain, seq, hash, at, ...signature }: Checkpoint, publicPem: string): boolean {
  return isSigned({ chain, seq, hash, at }, signature, publicPem);
}

/** As sent to agents. */
export function toWireCheckpoint({ chain, seq, hash, at, signature, keyId }: Checkpoint): AuditCheckpoint {
  return { chain, seq: BigInt(seq), hash, atMs: BigInt(Date.parse(at)), signature: Buffer.from(signature, 'base64'), keyId };
}
