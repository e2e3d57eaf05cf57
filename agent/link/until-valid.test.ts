import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, expect, it } from 'vitest';
import { EC } from '../../controller/identity/certificates.ts';
import { untilValid } from './until-valid.ts';

const FROM_MS = Date.parse('2026-12-01T00:00:00Z');
const DAY_MS = 86_400_000;
let pem: string;

beforeAll(async () => {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const dates = { notBefore: new Date(FROM_MS), notAfter: new Date(FROM_MS + 7 * DAY_MS) };
  pem = (await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=gw', ...dates, signingAlgorithm: EC, keys })).toString('pem');
});

/** Waits with a wall clock that stands still but for what `atLook` sets it to; says how often it looked and what was told. */
async function waited(wallMs: number, atLook: (look: number, stop: AbortController) => number | undefined, certificate = () => pem) {
  const stop = new AbortController();
  const told: string[] = [];
  const delays: number[] = [];
  let nowMs = wallMs;
  const delay = async (ms: number): Promise<void> => {
    delays.push(ms);
    if (delays.length > 1000) throw new Error('it looks for ever');
    nowMs = atLook(delays.length, stop) ?? nowMs;
  };
  await untilValid({ certificate, wallNow: () => nowMs, delay, onWait: (reason) => told.push(reason) }, stop.signal);
  return { delays, told };
}

it('a certificate that is valid is not waited for, nor is what is none', async () => {
  expect(await waited(FROM_MS, () => undefined)).toEqual({ delays: [], told: [] });
  expect(
    await waited(
      0,
      () => undefined,
      () => 'no certificate',
    ),
  ).toEqual({ delays: [], told: [] });
});

it('a clock two days behind is waited for until it is set, which is noticed within seconds, and told once', async () => {
  const { delays, told } = await waited(FROM_MS - 2 * DAY_MS, (look) => (look === 3 ? FROM_MS + 1000 : undefined));
  expect(delays).toEqual([5000, 5000, 5000]);
  expect(told).toEqual(['The clock of this machine is behind: its certificate is not valid before 2026-12-01T00:00:00.000Z.']);
});

it('an agent that stops does not wait on', async () => {
  const { delays } = await waited(0, (look, stop) => (look === 2 ? (stop.abort(), undefined) : undefined));
  expect(delays).toHaveLength(2);
});

it('shortly before its time nobody waits longer than needed', async () => {
  expect((await waited(FROM_MS - 300, () => FROM_MS)).delays).toEqual([300]);
});
