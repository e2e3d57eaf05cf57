import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, expect, it } from 'vitest';
import { dialledName, leadsTo, rootsIn } from './trust.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Signer {
  pem: string;
  name: string;
  key: CryptoKey;
}

async function make(name: string, issuer?: Signer): Promise<Signer> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    publicKey: keys.publicKey,
    signingKey: issuer?.key ?? keys.privateKey,
    signingAlgorithm: EC,
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  return { pem: `${certificate.toString('pem')}\n`, name, key: keys.privateKey };
}

let [root, other, intermediate, leaf]: Signer[] = [];
beforeAll(async () => {
  [root, other] = [await make('root'), await make('other')];
  intermediate = await make('intermediate', root);
  leaf = await make('leaf', intermediate);
});

it('roots are what signed itself, each once, in the order in which they came', () => {
  expect(rootsIn(intermediate!.pem + other!.pem + root!.pem + other!.pem)).toBe(other!.pem + root!.pem);
  expect(rootsIn('')).toBe('');
});

it('a chain leads to a root over what came with it, and to no other', () => {
  const chain = leaf!.pem + intermediate!.pem;
  expect([leadsTo(root!.pem, chain), leadsTo(other!.pem + root!.pem, chain), leadsTo(other!.pem, chain)]).toEqual([true, true, false]);
  expect([leadsTo(root!.pem, leaf!.pem), leadsTo(root!.pem, leaf!.pem, intermediate!.pem), leadsTo('', chain)]).toEqual([
    false,
    true,
    false,
  ]);
});

it('one that has the name of a root and another key is none', async () => {
  const imposter = await make('root');
  expect(leadsTo(imposter.pem, leaf!.pem + intermediate!.pem)).toBe(false);
});

it('the first root that is trusted decides the name that is dialled; without one it is the controller’s', () => {
  expect(dialledName(root!.pem + other!.pem)).toMatch(/^r-[0-9a-f]{32}\.controller\.ctfleet$/);
  expect(dialledName(root!.pem + other!.pem)).toBe(dialledName(intermediate!.pem + root!.pem));
  expect(dialledName(other!.pem)).not.toBe(dialledName(root!.pem));
  expect(dialledName(intermediate!.pem)).toBe('controller.ctfleet');
});

it('what cannot be read, or is too much, is an error', () => {
  expect(() => rootsIn('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')).toThrow(
    /PEM|asn1|ASN1|header|wrong tag|too long|bad|error/i,
  );
  expect(() => rootsIn(root!.pem.repeat(13))).toThrow(/13 certificates, at most 12/);
  expect(() => rootsIn('x'.repeat(70_000))).toThrow(/65536 bytes/);
});
