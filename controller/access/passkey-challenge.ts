import { createHmac, timingSafeEqual } from 'node:crypto';

const NONCE_BYTES = 16;
const TIME_BYTES = 8;
/** How long a person may take to find the authenticator. */
const TTL_MS = 300_000;

/**
 * A challenge that needs no memory until it is answered: a nonce, its end and a seal over both and the purpose, in base64url. Whoever only
 * asks for challenges leaves nothing behind. That an answer counts once is up to whoever takes it.
 */
export function sealChallenge(key: string, purpose: string, nonce: Uint8Array, nowMs: number): Uint8Array<ArrayBuffer> {
  const plain = Buffer.alloc(NONCE_BYTES + TIME_BYTES);
  plain.set(nonce.subarray(0, NONCE_BYTES));
  plain.writeBigUInt64BE(BigInt(nowMs + TTL_MS), NONCE_BYTES);
  return new Uint8Array(Buffer.concat([plain, sealOf(key, purpose, plain)]));
}

/** True if it was made with this key for this purpose and has not ended. */
export function isOwnChallenge(key: string, purpose: string, challenge: string, nowMs: number): boolean {
  const all = Buffer.from(challenge, 'base64url');
  const plain = all.subarray(0, NONCE_BYTES + TIME_BYTES);
  const seal = all.subarray(plain.length);
  const expected = sealOf(key, purpose, plain);
  return seal.length === expected.length && timingSafeEqual(seal, expected) && plain.readBigUInt64BE(NONCE_BYTES) > BigInt(nowMs);
}

function sealOf(key: string, purpose: string, plain: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`passkey challenge\n${purpose}\n`).update(plain).digest();
}
