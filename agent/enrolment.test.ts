import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { identityOf } from './enrolment.ts';
import { loadIdentity } from './link/identity.ts';
import { systemClock } from './time/clock.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-enrolment-'));
afterAll(() => rmSync(root, { recursive: true }));

const PEM = '-----BEGIN X-----\nAA==\n-----END X-----\n';
const TOKEN = `ctf1.${'a'.repeat(22)}.${'b'.repeat(43)}.${'c'.repeat(43)}`;

async function enrolled(told: string, enrolAddress: string): Promise<{ linkAddress: string; kept?: string; warnings: string[] }> {
  const stateDir = mkdtempSync(path.join(root, 'one-'));
  const warnings: string[] = [];
  const identity = await identityOf({
    stateDir,
    enrolAddress,
    joinToken: TOKEN,
    hostname: 'gw',
    clock: systemClock,
    random: () => 0.5,
    log: pino({ level: 'warn' }, { write: (line: string) => warnings.push((JSON.parse(line) as { msg: string }).msg) }),
    signal: new AbortController().signal,
    enrol: () =>
      Promise.resolve({
        kind: 'enrolled',
        identity: { gatewayId: 'g', gatewayName: 'gw', linkAddress: told, key: PEM, certificate: PEM, ca: PEM },
      }),
  });
  return { linkAddress: identity.linkAddress, kept: loadIdentity(stateDir)?.linkAddress, warnings };
}

test.for([
  ['127.0.0.1:4444', '192.0.2.7:4443', '192.0.2.7:4444'],
  ['localhost:4444', 'controller.example:4443', 'controller.example:4444'],
  ['[::1]:4444', '[2001:db8::1]:4443', '[2001:db8::1]:4444'],
] as const)(
  'a link at %s of a controller found at %s is looked for at %s, after a restart too, with a warning',
  async ([told, used, link]) => {
    const { linkAddress, kept, warnings } = await enrolled(told, used);
    expect([linkAddress, kept]).toEqual([link, link]);
    expect(warnings).toHaveLength(1);
  },
);

test.for([
  ['127.0.0.1:4444', '127.0.0.1:4443'],
  ['link.example:4444', '192.0.2.7:4443'],
] as const)('a link at %s stays what a controller at %s said', async ([told, used]) => {
  expect(await enrolled(told, used)).toEqual({ linkAddress: told, kept: told, warnings: [] });
});
