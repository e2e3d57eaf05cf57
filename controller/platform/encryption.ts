import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Provider token of the key that encrypts secrets which must be read again. */
export const ENCRYPTION = Symbol('seal');

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts secrets in the database, so that the database alone does not reveal them: AES-256-GCM with a key from the state folder. */
export class Encryption {
  readonly #key: Buffer;

  /** @param key 32 bytes in base64url */
  constructor(key: string) {
    this.#key = Buffer.from(key, 'base64url');
  }

  close(text: string): Uint8Array<ArrayBuffer> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    return new Uint8Array(Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]));
  }

  /** Throws if it was encrypted with another key or changed since. */
  open(sealed: Uint8Array): string {
    const end = sealed.length - TAG_BYTES;
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES }).setAuthTag(sealed.subarray(end));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]).toString('utf8');
  }
}
