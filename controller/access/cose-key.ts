import { cose, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers';
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { publicKeyBytes, readPublicKey } from '../../proto/signing/assertion.ts';

/**
 * What new passkeys sign with: EdDSA, ES256 and RS256, which proto/signing can verify everywhere. The library would offer ML-DSA first
 * where Node knows it.
 */
export const PASSKEY_ALGORITHMS = [-8, -7, -257];

/**
 * A passkey's public key as it is stored (COSE), read for verification. Throws an Error with the reason for a kind that plans are not
 * signed with.
 */
export function keyFromCose(bytes: Uint8Array): KeyObject {
  const read = decodeCredentialPublicKey(new Uint8Array(bytes));
  const key = createPublicKey({ key: toJwk(read), format: 'jwk' });
  // The same rules hold wherever signatures are verified.
  return readPublicKey(publicKeyBytes(key));
}

function toJwk(key: cose.COSEPublicKey): JsonWebKey {
  if (cose.isCOSEPublicKeyEC2(key))
    return { kty: 'EC', crv: 'P-256', x: text(key.get(cose.COSEKEYS.x)), y: text(key.get(cose.COSEKEYS.y)) };
  if (cose.isCOSEPublicKeyOKP(key)) return { kty: 'OKP', crv: 'Ed25519', x: text(key.get(cose.COSEKEYS.x)) };
  if (cose.isCOSEPublicKeyRSA(key)) return { kty: 'RSA', n: text(key.get(cose.COSEKEYS.n)), e: text(key.get(cose.COSEKEYS.e)) };
  throw new Error('it is none of P-256, Ed25519 and RSA');
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64url');
}
