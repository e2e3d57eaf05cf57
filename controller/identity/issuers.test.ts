import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseIssuer } from './issuers.ts';
import { formatRoot, parseRoot } from './root-export.ts';

const NOW = Date.UTC(2026, 10, 30);
const DAY_MS = 86_400_000;
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const P384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };

interface Company {
  pem: string;
  keyPem: string;
  name: string;
  key: CryptoKey;
  algorithm: typeof P256 | typeof RSA;
}
interface Wanted {
  algorithm?: typeof P256 | typeof RSA;
  isCa?: boolean;
  levels?: number;
  usages?: x509.KeyUsageFlags;
  days?: [number, number];
  more?: x509.Extension[];
}

let serial = 0x4001;

/** An authority of a company, signed by another or by itself. */
async function authority(name: string, issuer?: Company, wanted: Wanted = {}): Promise<Company> {
  const { algorithm = P256, isCa = true, levels, usages = x509.KeyUsageFlags.keyCertSign, days = [-1, 365], more = [] } = wanted;
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16),
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: new Date(NOW + days[0] * DAY_MS),
    notAfter: new Date(NOW + days[1] * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: issuer?.key ?? keys.privateKey,
    signingAlgorithm: issuer?.algorithm ?? algorithm,
    extensions: [new x509.BasicConstraintsExtension(isCa, levels, true), new x509.KeyUsagesExtension(usages, true), ...more],
  });
  const keyPem = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { pem: `${certificate.toString('pem')}\n`, keyPem, name, key: keys.privateKey, algorithm };
}

let root: Company;
let policy: Company;
beforeAll(async () => {
  root = await authority('Acme Root', undefined, { algorithm: RSA });
  policy = await authority('Acme Policy', root, { levels: 1 });
});

const refusal = (chain: string, key: string): string => {
  try {
    parseIssuer(chain, key, NOW);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};
/** What is said of an intermediate like this below the company's policy authority. */
async function saidOf(wanted: Wanted): Promise<string> {
  const { pem, keyPem } = await authority('Acme ctfleet', policy, wanted);
  return refusal(pem + policy.pem + root.pem, keyPem);
}

describe('an intermediate of a company', () => {
  it('is taken with what is between it and its root, whatever kind of keys those have', async () => {
    const { pem, keyPem } = await authority('Acme ctfleet', policy, { levels: 0 });
    const {
      certificate,
      chain,
      root: top,
      key,
    } = parseIssuer(`Subject: as openssl writes it\n${pem}${policy.pem}${root.pem}`, keyPem, NOW);
    expect([certificate, chain, top]).toEqual([pem, policy.pem, root.pem]);
    expect(key).toContain('BEGIN PRIVATE KEY');
  });

  it.each<[string, Wanted, RegExp]>([
    ['no authority', { isCa: false }, /^Certificate 1 of the chain \(CN=Acme ctfleet\) is no authority\..* CA:true\. Nothing was changed/],
    ['may not sign', { usages: x509.KeyUsageFlags.digitalSignature }, /keyCertSign/],
    ['has ended', { days: [-9, -1] }, /ended at/],
    ['has not begun', { days: [1, 9] }, /not valid before/],
    ['is for web servers', { more: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth])] }, /other purposes/],
    ['has a key of another curve', { algorithm: P384 }, /not an ECDSA key on P-256/],
    ['has a key of another kind', { algorithm: RSA }, /not an ECDSA key on P-256/],
    ['has constraints of names', { more: [new x509.Extension('2.5.29.30', true, new Uint8Array([0x30, 0]))] }, /name constraints/],
  ])('that %s is refused with the place and the cure', async (_, wanted, said) => {
    expect(await saidOf(wanted)).toMatch(said);
  });

  it('below one that allows none is refused', async () => {
    const narrow = await authority('Acme Narrow', root, { levels: 0 });
    const { pem, keyPem } = await authority('Acme ctfleet', narrow);
    expect(refusal(pem + narrow.pem + root.pem, keyPem)).toMatch(/Certificate 2 .* allows 0 authorities below it, and 1 are/);
  });

  it('with a chain that is not whole, in another order, of somebody else, or no chain is refused', async () => {
    const { pem, keyPem } = await authority('Acme ctfleet', policy);
    const other = await authority('Acme Policy', undefined);
    expect(refusal(pem + policy.pem, keyPem)).toMatch(/Certificate 2 .* the chain is not complete\. Append/);
    expect(refusal(policy.pem + pem + root.pem, keyPem)).toMatch(/Certificate 1 .* not signed by the next/);
    expect(refusal(pem + other.pem, keyPem)).toMatch(/Certificate 1 .* not signed by the next/);
    expect(refusal(pem, keyPem)).toMatch(/in the chain: 1\. Give 2 to 6/);
    expect(refusal('nothing', keyPem)).toMatch(/in the chain: 0/);
    expect(refusal('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'.repeat(2), keyPem)).toMatch(
      /1 of the chain cannot be read/,
    );
  });

  it('with a key that is another’s, encrypted or none is refused, and the refusal does not quote it', async () => {
    const { pem } = await authority('Acme ctfleet', policy);
    const chain = pem + policy.pem + root.pem;
    expect(refusal(chain, policy.keyPem)).toMatch(/^The key is not that of the first certificate/);
    expect(refusal(chain, 'canary')).toMatch(/^The key cannot be read/);
    expect(refusal(chain, 'canary')).not.toContain('canary');
  });
});

describe('an exported root', () => {
  it('comes back with its passphrase, and with nothing else', async () => {
    const own = { certificate: root.pem, key: root.keyPem };
    const text = await formatRoot(own, 'a passphrase of a test');
    expect(text).not.toContain(root.keyPem.split('\n')[1]);
    expect(await parseRoot(text, 'a passphrase of a test')).toEqual(own);
    await expect(parseRoot(text, 'a passphrase of a tesT')).rejects.toThrow(/passphrase is another, or the file was changed/);
    const changed = JSON.stringify({ ...(JSON.parse(text) as object), certificate: policy.pem });
    await expect(parseRoot(changed, 'a passphrase of a test')).rejects.toThrow(/was changed/);
    await expect(parseRoot(text.slice(0, 300), 'a passphrase of a test')).rejects.toThrow(/no root that/);
    await expect(formatRoot(own, 'short')).rejects.toThrow(/at least 15/);
  });
});
