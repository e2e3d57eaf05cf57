import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Provider token of the key that signs audit checkpoints and exports. */
export const AUDIT_KEY = Symbol('audit key');

/** An Ed25519 key; `id` names its public half: the first 16 hexadecimal digits of the SHA-256 of the SPKI. */
export class AuditKey {
  readonly id: string;
  readonly publicPem: string;
  readonly #private: KeyObject;

  /** @param pem PKCS#8 */
  constructor(pem: string) {
    this.#private = createPrivateKey(pem);
    const publicKey = createPublicKey(this.#private);
    this.publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    this.id = keyId(publicKey);
  }

  /** A new key as PKCS#8. */
  static generate(): string {
    return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  /** Signs the canonical JSON of a value. */
  sign(value: object): Signature {
    return { signature: sign(null, bytesOf(value), this.#private).toString('base64'), keyId: this.id };
  }
}

/** `signature` in base64. */
export interface Signature {
  signature: string;
  keyId: string;
}

/** True if the holder of the key signed this value. `publicPem`: SPKI. */
export function isSigned(value: object, { signature, keyId: id }: Signature, publicPem: string): boolean {
  const publicKey = createPublicKey(publicPem);
  const bytes = Buffer.from(signature, 'base64');
  // Base64 can spell the same bytes in more than one way; only our spelling is accepted.
  return bytes.toString('base64') === signature && keyId(publicKey) === id && verify(null, bytesOf(value), publicKey, bytes);
}

function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

function bytesOf(value: object): Buffer {
  return Buffer.from(canonicalize(value) ?? '');
}
