import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomUUID, X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { expect, it, vi } from 'vitest';
import { loneAuthority } from '../../test/support/lone-authority.ts';
import type { Authority } from './authority.ts';
import { EC } from './certificates.ts';
import { ProvenGateways } from './proven-gateways.ts';

/** An authority, what it is asked, and certificates of one gateway. */
async function stage() {
  const authority = await loneAuthority(Date.now());
  const identity = { tenantId: randomUUID(), gatewayId: randomUUID() };
  const certificate = async (generation: number, by = authority): Promise<PeerCertificate> => {
    const { publicKey } = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
    const { certificatePem } = await by.issueGateway(await x509.PublicKey.create(publicKey), identity, generation, Date.now());
    return new X509Certificate(certificatePem).toLegacyObject() as PeerCertificate;
  };
  const trust = {
    issuerOf: vi.fn<Authority['issuerOf']>((raw) => authority.issuerOf(raw)),
    isTrusted: vi.fn<Authority['isTrusted']>((id) => authority.isTrusted(id)),
  };
  return { identity, certificate, trust, proven: new ProvenGateways(trust) };
}

it('a certificate is verified once, and proves the same each time', async () => {
  const { identity, certificate, trust, proven } = await stage();
  const peer = await certificate(3);
  for (let time = 0; time < 3; time++) expect(proven.of(peer)).toMatchObject({ ...identity, generation: 3, issuerId: 'lone' });
  expect(trust.issuerOf).toHaveBeenCalledTimes(1);
});

it('another certificate of the same gateway is another one', async () => {
  const { certificate, proven } = await stage();
  const [first, second] = [proven.of(await certificate(1)), proven.of(await certificate(2))];
  expect([first?.generation, second?.generation]).toEqual([1, 2]);
  expect(first?.keyHash).not.toBe(second?.keyHash);
});

it('one whose issuer is no longer trusted proves nothing, though it was known', async () => {
  const { certificate, trust, proven } = await stage();
  const peer = await certificate(1);
  expect(proven.of(peer)).toBeDefined();
  trust.isTrusted.mockReturnValue(false);
  expect(proven.of(peer)).toBeUndefined();
});

it('no certificate, and one that somebody else has signed, prove nothing, however often they come', async () => {
  const { certificate, trust, proven } = await stage();
  expect(proven.of(undefined)).toBeUndefined();
  const foreign = await certificate(1, await loneAuthority(Date.now()));
  for (let time = 0; time < 2; time++) expect(proven.of(foreign)).toBeUndefined();
  expect(trust.issuerOf).toHaveBeenCalledTimes(2);
});
