import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { expect, it } from 'vitest';
import { renewalDueAtMs } from './renewal.ts';

const DAY_MS = 86_400_000;
const FROM_MS = Date.UTC(2026, 10, 1);

async function certificate(days: number): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=gw',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(FROM_MS),
    notAfter: new Date(FROM_MS + days * DAY_MS),
  });
  return made.toString('pem');
}

it('a fleet that was enrolled together renews over a tenth of the life, from its half on, each gateway at a time of its own', async () => {
  const all = await Promise.all(Array.from({ length: 200 }, () => certificate(10)));
  const due = all.map((pem) => (renewalDueAtMs(pem) - FROM_MS) / (10 * DAY_MS));
  expect(Math.min(...due)).toBeGreaterThanOrEqual(0.5);
  expect(Math.max(...due)).toBeLessThanOrEqual(0.6);
  expect(Math.max(...due) - Math.min(...due)).toBeGreaterThan(0.05);
  expect(all.map((pem) => (renewalDueAtMs(pem) - FROM_MS) / (10 * DAY_MS))).toEqual(due);
});
