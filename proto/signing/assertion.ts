import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';

/** What an authenticator said when its person approved something (WebAuthn, `navigator.credentials.get()`). */
export interface Assertion {
  authenticatorData: Uint8Array;
  /** As the browser wrote it, byte for byte: its hash is what was signed. */
  clientDataJson: Uint8Array;
  signature: Uint8Array;
}

/** The site that a passkey belongs to: the host that browsers bind it to, and the pages that may use it. */
export interface Site {
  rpId: string;
  origins: readonly string[];
}

/** Far above what authenticators send; RSA signatures have 512 bytes at most. */
const MAX_BYTES = { authenticatorData: 1024, clientDataJson: 2048, signature: 1024 } as const;
const MAX_KEY_BYTES = 1024;

/** Reasons that others word for their readers. */
export const OTHER_CHALLENGE = 'something else was signed';
export const NOT_OF_KEY = 'the signature is not of this key';

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const BACKUP_ELIGIBLE = 0x08;
const BACKED_UP = 0x10;
const ATTESTED = 0x40;
const EXTENDED = 0x80;
/** SHA-256 of the rpId, the flags, a counter of four bytes. */
const HEAD_BYTES = 37;
const MIN_RSA_BITS = 2048;

/**
 * Reads a public key: SPKI as DER or PEM. Throws an Error with the reason for what is not one, and for all but the three kinds that
 * passkeys have here: ES256 (P-256), EdDSA (Ed25519) and RS256 (RSA of at least 2048 bits).
 */
export function readPublicKey(spki: Uint8Array | string): KeyObject {
  if (spki.length > MAX_KEY_BYTES * (typeof spki === 'string' ? 2 : 1)) throw new Error('it is too long for a public key');
  const key = open(spki);
  const details = key.asymmetricKeyDetails;
  const isKnown =
    key.asymmetricKeyType === 'ed25519' ||
    (key.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1') ||
    (key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= MIN_RSA_BITS);
  if (!isKnown) throw new Error('it is none of P-256, Ed25519 and RSA of at least 2048 bits');
  return key;
}

/** SPKI in DER, as `readPublicKey` takes it. */
export function publicKeyBytes(key: KeyObject): Uint8Array<ArrayBuffer> {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }));
}

/**
 * Why the assertion does not prove that the key's holder, verified by finger, face or PIN, answered this challenge on this site; undefined
 * if it does. Whether it was used before is up to the caller. Never throws.
 */
export function whyNotSigned(assertion: Assertion, challenge: Uint8Array, key: KeyObject, site: Site): string | undefined {
  const { authenticatorData, clientDataJson, signature } = assertion;
  for (const [part, most] of Object.entries(MAX_BYTES) as [keyof typeof MAX_BYTES, number][])
    if (assertion[part].length === 0 || assertion[part].length > most) return `its ${part} is missing or too long`;
  return (
    whyNotOfPage(clientDataJson, challenge, site.origins) ??
    whyNotOfAuthenticator(authenticatorData, site.rpId) ??
    (isSignedBy(key, Buffer.concat([authenticatorData, sha256(clientDataJson)]), signature) ? undefined : NOT_OF_KEY)
  );
}

function whyNotOfPage(clientDataJson: Uint8Array, challenge: Uint8Array, origins: readonly string[]): string | undefined {
  const said = parseObject(clientDataJson);
  if (!said) return 'what the browser said cannot be read';
  if (said.type !== 'webauthn.get') return 'it is not an assertion';
  if (said.challenge !== Buffer.from(challenge).toString('base64url')) return OTHER_CHALLENGE;
  if (typeof said.origin !== 'string' || !origins.includes(said.origin)) return 'it was signed on another site';
  return (said.crossOrigin ?? false) === false && said.topOrigin === undefined ? undefined : 'it was signed inside a page of another site';
}

function whyNotOfAuthenticator(data: Uint8Array, rpId: string): string | undefined {
  if (data.length < HEAD_BYTES) return 'what the authenticator said is cut off';
  if (!sha256(rpId).equals(data.subarray(0, 32))) return 'the passkey belongs to another site';
  const flags = data[32]!;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (!has(USER_PRESENT) || !has(USER_VERIFIED)) return 'the person was not verified';
  if (has(BACKED_UP) && !has(BACKUP_ELIGIBLE)) return 'what the authenticator said contradicts itself';
  return has(ATTESTED) || has(EXTENDED) !== data.length > HEAD_BYTES
    ? 'what the authenticator said has parts that do not belong there'
    : undefined;
}

function isSignedBy(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key, signature);
  } catch {
    return false;
  }
}

function open(spki: Uint8Array | string): KeyObject {
  try {
    return typeof spki === 'string' && spki.includes('-----BEGIN')
      ? createPublicKey(assertPublic(spki))
      : createPublicKey({ key: Buffer.from(spki as string, 'base64'), format: 'der', type: 'spki' });
  } catch (error) {
    throw new Error(`it is not a public key: ${(error as Error).message}`, { cause: error });
  }
}

/** Node would take the public key out of a private one, which nobody should keep here. */
function assertPublic(pem: string): string {
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) throw new Error('it must begin with BEGIN PUBLIC KEY');
  return pem;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function sha256(data: Uint8Array | string): Buffer {
  return createHash('sha256').update(data).digest();
}
