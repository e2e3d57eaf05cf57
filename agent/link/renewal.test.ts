import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Disk } from '../disk/disk.ts';
import { makeKey } from './certificate-request.ts';
import { loadIdentity, saveIdentity, type Identity } from './identity.ts';
import { Renewal, renewalDueAtMs, type RenewalDependencies } from './renewal.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const FROM_MS = Date.UTC(2026, 10, 1);
const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-renewal-'));
afterAll(() => rmSync(root, { recursive: true }));

/** An authority that signs whatever it is asked to. */
interface Signer {
  pem: string;
  sign(csr: Buffer, gateway?: string, fromMs?: number, days?: number): Promise<string>;
}

async function signer(): Promise<Signer> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const own = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=ca', keys, signingAlgorithm: EC });
  return {
    pem: own.toString('pem'),
    sign: async (csr, gateway = 'one', fromMs = FROM_MS, days = 10) => {
      const made = await x509.X509CertificateGenerator.create({
        subject: `CN=${gateway}`,
        issuer: own.subject,
        publicKey: new x509.Pkcs10CertificateRequest(new Uint8Array(csr)).publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: EC,
        notBefore: new Date(fromMs),
        notAfter: new Date(fromMs + days * DAY_MS),
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://ctfleet/${gateway}` }])],
      });
      return made.toString('pem');
    },
  };
}

let ca: Signer;
let first: Identity;
beforeAll(async () => {
  ca = await signer();
  const { key, csr } = await makeKey('gw');
  first = { gatewayId: 'g', gatewayName: 'gw', linkAddress: 'enrolled:1', key, certificate: await ca.sign(csr), ca: ca.pem };
});

/** One life of an agent whose certificate is due, until it has asked so many times. `answer` is the controller's. */
async function live(
  stateDir: string,
  asks: number,
  answer: (csr: Buffer) => Promise<{ certificatePem: string; caPem?: string }>,
  identity: Identity = { ...first, linkAddress: 'override:2' },
): Promise<{ csrs: string[]; identity: Identity; renewed: number }> {
  const stop = new AbortController();
  const csrs: string[] = [];
  let renewed = 0;
  const dependencies: RenewalDependencies = {
    identity,
    stateDir,
    disk: new Disk(),
    clock: { now: () => FROM_MS, delay: () => new Promise((resolve) => setImmediate(resolve)) },
    controllerClock: { now: () => FROM_MS + 9 * DAY_MS },
    random: () => 0,
    log: pino({ level: 'silent' }),
    ask: async (_, csr) => {
      csrs.push(csr.toString('base64'));
      if (csrs.length >= asks) stop.abort();
      const { certificatePem, caPem = ca.pem } = await answer(csr);
      return { certificatePem: Buffer.from(certificatePem), caPem: Buffer.from(caPem), notAfterMs: 0n };
    },
    onRenewed: () => (renewed += 1),
  };
  const renewal = new Renewal(dependencies);
  await renewal.run(stop.signal);
  return { csrs, identity: renewal.identity, renewed };
}

function newFolder(): string {
  const folder = mkdtempSync(path.join(root, 'agent-'));
  saveIdentity(folder, first);
  return folder;
}
const nobody = async (): Promise<never> => {
  throw new FleetError('UNAVAILABLE', 'nobody answers');
};

it('a fleet that was enrolled together renews over a tenth of the life, from its half on, each gateway at a time of its own', async () => {
  const { csr } = await makeKey('gw');
  const all = await Promise.all(Array.from({ length: 200 }, () => ca.sign(csr)));
  const due = all.map((pem) => (renewalDueAtMs(pem) - FROM_MS) / (10 * DAY_MS));
  expect(Math.min(...due)).toBeGreaterThanOrEqual(0.5);
  expect(Math.max(...due)).toBeLessThanOrEqual(0.6);
  expect(Math.max(...due) - Math.min(...due)).toBeGreaterThan(0.05);
  expect(all.map((pem) => (renewalDueAtMs(pem) - FROM_MS) / (10 * DAY_MS))).toEqual(due);
});

describe('a renewal', () => {
  it('asks with the same key until it is answered, also after a restart', async () => {
    const folder = newFolder();
    const before = await live(folder, 3, nobody);
    const after = await live(folder, 1, async (csr) => ({ certificatePem: await ca.sign(csr) }));
    expect(new Set([...before.csrs, ...after.csrs]).size).toBe(1);
    expect([before.identity.certificate, before.renewed, after.renewed]).toEqual([first.certificate, 0, 1]);
    expect(after.identity.key).not.toBe(first.key);
    const next = await live(folder, 1, nobody, loadIdentity(folder)!);
    expect(next.csrs[0]).not.toBe(after.csrs[0]);
  });

  it('keeps the address that enrolment gave, not the one that this start was told to dial', async () => {
    const folder = newFolder();
    const { identity } = await live(folder, 1, async (csr) => ({ certificatePem: await ca.sign(csr) }));
    expect([identity.linkAddress, loadIdentity(folder)!.linkAddress]).toEqual(['override:2', 'enrolled:1']);
    expect(loadIdentity(folder)!.certificate).toBe(identity.certificate);
  });

  it('takes no certificate that is no good, and keeps the one it has', async () => {
    const folder = newFolder();
    const other = await signer();
    const another = await makeKey('other');
    for (const answer of [
      async () => ({ certificatePem: await ca.sign(another.csr) }),
      async (csr: Buffer) => ({ certificatePem: await ca.sign(csr, 'two') }),
      async (csr: Buffer) => ({ certificatePem: await ca.sign(csr), caPem: other.pem }),
      async () => ({ certificatePem: 'nonsense' }),
      async (csr: Buffer) => ({ certificatePem: await ca.sign(csr), caPem: '' }),
    ]) {
      const { identity, renewed } = await live(folder, 2, answer);
      expect([identity.certificate, renewed]).toEqual([first.certificate, 0]);
      expect(loadIdentity(folder)).toEqual(first);
    }
  });

  it('ends nothing when the certificate on disk or the key that was asked for cannot be read', async () => {
    const folder = newFolder();
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const stop = new AbortController();
    let waits = 0;
    const renewal = new Renewal({
      identity: { ...first, certificate: broken },
      stateDir: folder,
      disk: new Disk(),
      clock: { now: () => FROM_MS, delay: async () => void (++waits === 3 && stop.abort()) },
      controllerClock: { now: () => FROM_MS },
      random: () => 0,
      log: pino({ level: 'silent' }),
      ask: nobody,
      onRenewed: () => undefined,
    });
    await renewal.run(stop.signal);
    expect(waits).toBe(3);
    writeFileSync(path.join(folder, 'renewal.json'), '{"key":');
    const { renewed } = await live(folder, 1, async (csr) => ({ certificatePem: await ca.sign(csr) }));
    expect(renewed).toBe(1);
  });
});

it('roots that the own certificate does not lead to, or that cannot be read, are passed over with a warning', async () => {
  const warned: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void warned.push((JSON.parse(line) as { reason: string }).reason) });
  const renewal = new Renewal({
    identity: first,
    stateDir: newFolder(),
    disk: new Disk(),
    clock: { now: () => FROM_MS, delay: async () => undefined },
    controllerClock: { now: () => FROM_MS },
    random: () => 0,
    log,
    ask: nobody,
    onRenewed: () => undefined,
  });
  renewal.trust((await signer()).pem, 1000);
  renewal.trust('', 0);
  renewal.trust('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 0);
  expect(renewal.identity).toEqual(first);
  expect(warned).toHaveLength(3);
  expect(warned[0]).toBe('the controller no longer trusts who signed our certificate');
});
