import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits as base64url; only its hash is ever stored. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256 of a secret; sufficient because the secret has full entropy. */
export function hashSecret(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(secret).digest());
}

/** Compares a secret with a stored hash in constant time. */
export function isSecret(secret: string, hash: Uint8Array): boolean {
  return hash.length === 32 && timingSafeEqual(hashSecret(secret), hash);
}
