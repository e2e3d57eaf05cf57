import fc from 'fast-check';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { publicKeyBytes, readPublicKey, whyNotSigned, type Assertion } from './assertion.ts';

const SITE = { rpId: 'ctfleet.example.net', origins: ['https://ctfleet.example.net'] };
const CHALLENGE = createHash('sha256').update('a plan').digest();
const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest();

interface Pair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}
const PAIRS: Record<string, Pair> = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

interface Said {
  client?: Record<string, unknown>;
  clientText?: string;
  flags?: number;
  rpId?: string;
  tail?: Uint8Array;
}

/** What an authenticator with this key says, truly signed whatever it is. */
function assertionBy(
  { privateKey }: Pair,
  { client = {}, clientText, flags = 5, rpId = SITE.rpId, tail = Buffer.alloc(0) }: Said = {},
): Assertion {
  const own = { type: 'webauthn.get', challenge: CHALLENGE.toString('base64url'), origin: SITE.origins[0], crossOrigin: false };
  const clientDataJson = Buffer.from(clientText ?? JSON.stringify({ ...own, ...client }));
  const authenticatorData = Buffer.concat([sha256(rpId), Buffer.from([flags, 0, 0, 0, 1]), tail]);
  const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return {
    clientDataJson,
    authenticatorData,
    signature: sign(algorithm, Buffer.concat([authenticatorData, sha256(clientDataJson)]), privateKey),
  };
}

describe.each(Object.entries(PAIRS))('an assertion by %s', (_, pair) => {
  it('is accepted as it was signed, and with another challenge, key or site it is not', () => {
    const assertion = assertionBy(pair);
    expect(whyNotSigned(assertion, CHALLENGE, pair.publicKey, SITE)).toBeUndefined();
    expect(whyNotSigned(assertion, sha256('another plan'), pair.publicKey, SITE)).toBe('something else was signed');
    for (const other of Object.values(PAIRS))
      if (other !== pair) expect(whyNotSigned(assertion, CHALLENGE, other.publicKey, SITE)).toBe('the signature is not of this key');
    expect(whyNotSigned(assertion, CHALLENGE, pair.publicKey, { ...SITE, rpId: 'example.net' })).toBe(
      'the passkey belongs to another site',
    );
    expect(whyNotSigned(assertion, CHALLENGE, pair.publicKey, { ...SITE, origins: ['https://evil.example'] })).toBe(
      'it was signed on another site',
    );
  });

  it('that is changed in any byte, cut or lengthened is never accepted, and nothing throws', () => {
    const assertion = assertionBy(pair);
    const part = fc.constantFrom<keyof Assertion>('authenticatorData', 'clientDataJson', 'signature');
    const change = fc.oneof(
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, by]) => (bytes: Uint8Array) => {
        const changed = Buffer.from(bytes);
        changed[at % changed.length]! ^= by;
        return changed;
      }),
      fc.nat().map((to) => (bytes: Uint8Array) => bytes.subarray(0, to % bytes.length)),
      fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((more) => (bytes: Uint8Array) => Buffer.concat([bytes, more])),
      fc.uint8Array({ maxLength: 300 }).map((other) => () => other),
    );
    fc.assert(
      fc.property(part, change, (which, changed) => {
        const why = whyNotSigned({ ...assertion, [which]: changed(assertion[which]) }, CHALLENGE, pair.publicKey, SITE);
        expect(why).toMatch(/./);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what is truly signed is refused all the same', () => {
  const pair = PAIRS.ES256!;
  it.each<[string, Said]>([
    ['at a registration', { client: { type: 'webauthn.create' } }],
    ['on another page of the site’s domain', { client: { origin: 'https://other.example.net' } }],
    ['inside a page of another site', { client: { crossOrigin: true } }],
    ['inside a page that names its top', { client: { topOrigin: 'https://evil.example' } }],
    ['for no challenge', { client: { challenge: undefined } }],
    ['for a challenge in another spelling', { client: { challenge: CHALLENGE.toString('base64') } }],
    ['with text that is no object', { clientText: '[]' }],
    ['with text that is no JSON', { clientText: '{"type":"webauthn.get"' }],
    ['with nothing', { clientText: 'null' }],
    ['without the person being there', { flags: 4 }],
    ['without finger, face or PIN', { flags: 1 }],
    ['by a copy of what cannot be copied', { flags: 5 | 0x10 }],
    ['with a new credential in it', { flags: 5 | 0x40, tail: Buffer.alloc(50) }],
    ['with a tail that nothing names', { tail: Buffer.alloc(1) }],
    ['with an extension that is not there', { flags: 5 | 0x80 }],
    ['with more than anybody sends', { clientText: JSON.stringify({ type: 'webauthn.get', pad: 'x'.repeat(3000) }) }],
  ])('%s', (_, said) => {
    expect(whyNotSigned(assertionBy(pair, said), CHALLENGE, pair.publicKey, SITE)).toMatch(/./);
  });

  it('but not what browsers add for the future, nor a passkey that is kept on several devices', () => {
    expect(
      whyNotSigned(assertionBy(pair, { client: { other_keys_can_be_added_here: 'x' } }), CHALLENGE, pair.publicKey, SITE),
    ).toBeUndefined();
    expect(whyNotSigned(assertionBy(pair, { flags: 5 | 0x18 }), CHALLENGE, pair.publicKey, SITE)).toBeUndefined();
  });
});

describe('a public key', () => {
  it('is read as PEM, base64 and DER', () => {
    for (const { publicKey } of Object.values(PAIRS)) {
      const der = publicKeyBytes(publicKey);
      for (const text of [der, Buffer.from(der).toString('base64'), publicKey.export({ format: 'pem', type: 'spki' }) as string])
        expect(readPublicKey(text).equals(publicKey)).toBe(true);
    }
  });

  it.each([
    ['nothing', ''],
    ['any text', 'this is not a key'],
    ['a private key', PAIRS.ES256!.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string],
    [
      'a key of another curve',
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'pem', type: 'spki' }) as string,
    ],
    ['a short RSA key', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'pem', type: 'spki' }) as string],
    ['a key for encryption', generateKeyPairSync('x25519').publicKey.export({ format: 'pem', type: 'spki' }) as string],
    ['far too much', 'A'.repeat(5000)],
  ])('is not read from %s', (_, text) => {
    expect(() => readPublicKey(text)).toThrow(/it is (not|none|too)/);
  });
});
