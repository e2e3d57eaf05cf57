import { credentials } from '@grpc/grpc-js';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { identityOf } from '../../../agent/enrolment.ts';
import { renewalDueAtMs } from '../../../agent/link/renewal.ts';
import { systemClock } from '../../../agent/time/clock.ts';
import { AUTHORITY, type Authority } from '../../../controller/identity/authority.ts';
import { provenKey } from '../../../controller/identity/certificates.ts';
import { LinkService } from '../../../controller/link/link.service.ts';
import { GrpcListener } from '../../../controller/platform/grpc-listener.ts';
import { EnrolmentService as EnrolmentDefinition, LinkClient } from '../../../proto/gen/ctfleet/v1/link.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol, FakeAgent, makeRequest, renew, type Enrolled } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { loneAuthority } from '../../support/lone-authority.ts';
import { MemoryAgent } from '../../support/memory-agent.ts';

const DAY_MS = 86_400_000;
const ID = '01900000-0000-7000-8000-000000000001';
const LIMITS = {
  total: 50,
  perAddress: 50,
  unproven: 50,
  unprovenPerAddress: 50,
  streams: 5,
  arrivals: { perSecond: 50, burst: 50 },
  calls: { perSecond: 50, burst: 50 },
};
let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let ca: string;
/** How far in the past the controller believes it is. TLS checks certificates by the machine's own clock. */
let behindMs = 0;
let tenants = 0;

beforeAll(async () => {
  postgres = await openTestDatabases();
  behindMs = 30 * DAY_MS;
  controller = await TestController.start(
    { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_CERTIFICATE_MINUTES: '60' },
    { clock: () => Date.now() - behindMs },
  );
  behindMs = 0;
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  ca = controller.root;
});
beforeEach(() => {
  behindMs = 0;
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

async function enrolled(): Promise<Enrolled> {
  const { joinToken } = await makePlace(owner, `Renewing ${++tenants}`, 'gw1');
  return enrol(controller.enrolAddress, ca, joinToken);
}

const again = (identity: Enrolled, request: { key: string; csr: Buffer }) => renew(controller.linkAddress, identity, request);

/** Opens a session and closes it again. Rejects with the refusal. */
async function holdsSession(identity: Enrolled): Promise<void> {
  const agent = new FakeAgent(identity);
  try {
    await agent.connect(controller.linkAddress);
  } finally {
    agent.disconnect();
  }
}

const generationOf = ({ response }: Enrolled): string | undefined =>
  /serialNumber=(\d+)/.exec(new X509Certificate(response.certificatePem).subject)?.[1];
const stateOf = async ({ response: { gatewayId } }: Enrolled) => (await owner.call(routes.getGateway, { params: { id: gatewayId } })).state;

describe('a renewal', () => {
  it('gives a certificate of the next generation for a new key; the one before is good until the new one is used', async () => {
    const first = await enrolled();
    await holdsSession(first);
    const second = await again(first, await makeRequest());
    expect([generationOf(first), generationOf(second)]).toEqual(['1', '2']);
    expect(new X509Certificate(second.response.certificatePem).subjectAltName).toBe(
      new X509Certificate(first.response.certificatePem).subjectAltName,
    );
    await holdsSession(first);
    await holdsSession(second);
    await expect(holdsSession(first)).rejects.toThrow(/replaced by a newer one/);
    await expect(again(first, await makeRequest())).rejects.toThrow(/replaced by a newer one/);
    await Promise.all([holdsSession(second), again(second, await makeRequest())]);
    expect(await stateOf(second)).not.toBe('set-aside');
    const { items } = await owner.call(routes.listAudit, { query: { gateway: first.response.gatewayId } });
    expect(items.map(({ action }) => action)).toEqual(expect.arrayContaining(['gateway.certificate-renewed', 'gateway.refused']));
  });

  it('whose answer was lost is given again for the same key', async () => {
    const first = await enrolled();
    const request = await makeRequest();
    const [lost, found] = [await again(first, request), await again(first, request)];
    expect([generationOf(lost), generationOf(found)]).toEqual(['2', '2']);
    await holdsSession(found);
  });

  it('of one certificate by two holders sets both aside, until a person decides', async () => {
    const first = await enrolled();
    const mine = await again(first, await makeRequest());
    await expect(again(first, await makeRequest())).rejects.toThrow(/two agents renewed the same certificate/);
    expect(await stateOf(first)).toBe('set-aside');
    await expect(holdsSession(mine)).rejects.toThrow(/set aside/);
    await owner.call(routes.reinstateGateway, { params: { id: first.response.gatewayId } });
    await holdsSession(mine);
    expect(await stateOf(first)).not.toBe('set-aside');
  });

  it('is refused to a gateway that was revoked, and for a request that proves no key', async () => {
    const first = await enrolled();
    await expect(again(first, { ...(await makeRequest()), csr: Buffer.from('nonsense') })).rejects.toThrow(/cannot be read/);
    await owner.call(routes.revokeGateway, { params: { id: first.response.gatewayId } });
    await expect(again(first, await makeRequest())).rejects.toThrow(/revoked or unknown/);
  });

  it('happens while the new certificate’s gateway has a session, which continues', async () => {
    const first = await enrolled();
    const agent = new FakeAgent(first);
    await agent.connect(controller.linkAddress);
    const second = await again(first, await makeRequest());
    expect(await stateOf(first)).toBe('online');
    agent.disconnect();
    await holdsSession(second);
  });
});

it('a new certificate is not due at once, however short its life', async () => {
  for (const minutes of [5, 60, 10_080]) {
    const authority = await loneAuthority(Date.now(), minutes * 60_000);
    const { csr } = await makeRequest();
    const { certificatePem } = await authority.issueGateway(await provenKey(csr), { tenantId: ID, gatewayId: ID }, 1, Date.now());
    const share = (renewalDueAtMs(certificatePem) - Date.now()) / (minutes * 60_000);
    expect([share > 0.4, share < 0.65]).toEqual([true, true]);
  }
});

describe('a certificate that has ended', () => {
  it('opens no session, and is renewed all the same', async () => {
    behindMs = 30 * DAY_MS;
    const first = await enrolled();
    behindMs = 0;
    await expect(holdsSession(first)).rejects.toThrow(/has expired. Renew it/);
    const second = await again(first, await makeRequest());
    await holdsSession(second);
    expect(second.response.gatewayId).toBe(first.response.gatewayId);
  });

  it('is no good after 90 days', async () => {
    behindMs = 100 * DAY_MS;
    const first = await enrolled();
    behindMs = 0;
    await expect(again(first, await makeRequest())).rejects.toThrow(/ended 9\d days ago; it can be renewed for 90/);
  });

  it('and that somebody else signed is refused before any call, whatever it says of itself', async () => {
    const first = await enrolled();
    const own = new x509.X509Certificate(first.response.certificatePem.toString());
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const forged = await x509.X509CertificateGenerator.create({
      subject: own.subject,
      issuer: own.issuer,
      notBefore: new Date(Date.now() - 3 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: own.extensions,
    });
    const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    const forger: Enrolled = { ...first, key, response: { ...first.response, certificatePem: Buffer.from(forged.toString('pem')) } };
    await expect(again(forger, await makeRequest())).rejects.toMatchObject({ code: 14 });
    await expect(holdsSession(forger)).rejects.toMatchObject({ code: 14 });
    const nobody = new LinkClient(controller.linkAddress, credentials.createSsl(Buffer.from(ca)), {
      'grpc.ssl_target_name_override': 'controller.ctfleet',
    });
    await expect(
      new Promise((resolve, reject) => {
        nobody.renew({ csr: Buffer.alloc(0) }, (error, answer) => (error ? reject(error) : resolve(answer)));
      }),
    ).rejects.toMatchObject({ code: 14 });
    nobody.close();
  });
});

it('a whole agent renews by itself when its certificate has ended, and is online again as the same gateway', async () => {
  behindMs = 30 * DAY_MS;
  const agent = await MemoryAgent.start(controller, owner, 'sleeper', 5);
  const renewals = async (): Promise<number> => {
    const { items } = await owner.call(routes.listAudit, { query: { gateway: agent.gatewayId } });
    return items.filter(({ action }) => action === 'gateway.certificate-renewed').length;
  };
  const before = await renewals();
  behindMs = 0;
  await controller.running.app.get(LinkService).checkLiveness();
  await eventually('it has another certificate', async () => (await renewals()) > before || undefined);
  await eventually('it is online', async () =>
    (await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).state === 'online' ? true : undefined,
  );
  await agent.end();
});

/** The serial number of what a listener presents, and whether it keeps a client with this certificate: then HTTP/2 begins. */
function visit(port: number, own: { key?: string; cert?: string }): Promise<{ serial: string; isKept: boolean }> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'controller.ctfleet', ca, ALPNProtocols: ['h2'], ...own });
    let serial = '';
    const end = (isKept: boolean) => {
      resolve({ serial, isKept });
      socket.destroy();
    };
    socket.once('secureConnect', () => ({ serialNumber: serial } = socket.getPeerCertificate()));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

it('the controller’s own certificate is replaced every day without a restart, and those of gateways are demanded as before', async () => {
  const { key, response } = await enrolled();
  const own = { key, cert: response.certificatePem.toString() };
  const authority = controller.running.app.get<Authority>(AUTHORITY);
  const issue = async () => ({ ...(await authority.issueServer(Date.now())), clients: authority.clients });
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const listener = await GrpcListener.open({ host: '127.0.0.1', port: 0 }, issue, EnrolmentDefinition, { enrol: () => undefined }, LIMITS);
  try {
    const first = await visit(listener.port, own);
    expect([first.isKept, (await visit(listener.port, {})).isKept]).toEqual([true, false]);
    expect((await visit(listener.port, own)).serial).toBe(first.serial);
    await vi.advanceTimersByTimeAsync(DAY_MS);
    const next = await eventually('another is presented', async () => {
      const seen = await visit(listener.port, own);
      return seen.serial === first.serial ? undefined : seen;
    });
    expect([next.isKept, (await visit(listener.port, {})).isKept]).toEqual([true, false]);
  } finally {
    vi.useRealTimers();
    await listener.close();
  }
});

describe('a gateway that is enrolled again', () => {
  const tokenAgain = (gatewayId: string) => owner.call(routes.createReenrolmentToken, { params: { id: gatewayId }, body: {} });

  it('is the same gateway: it keeps its id and its history, and what it was before is worth nothing', async () => {
    const first = await enrolled();
    const { gatewayId } = first.response;
    const old = new FakeAgent(first);
    await old.connect(controller.linkAddress);
    const { token, isAgain } = await tokenAgain(gatewayId);
    expect(isAgain).toBe(true);
    const second = await enrol(controller.enrolAddress, ca, token);
    expect([second.response.gatewayId, generationOf(second)]).toEqual([gatewayId, '2']);
    await old.ended;
    await expect(holdsSession(first)).rejects.toThrow(/replaced by a newer one/);
    await expect(again(first, await makeRequest())).rejects.toThrow(/replaced by a newer one/);
    await holdsSession(second);
    const { items } = await owner.call(routes.listAudit, { query: { gateway: gatewayId } });
    expect(items.filter(({ action }) => action === 'enrolment.ok')).toHaveLength(2);
    old.disconnect();
  });

  it('comes back from revocation, from being set aside, and from a certificate that ended too long ago', async () => {
    behindMs = 200 * DAY_MS;
    const first = await enrolled();
    behindMs = 0;
    const { gatewayId } = first.response;
    await owner.call(routes.revokeGateway, { params: { id: gatewayId } });
    await expect(holdsSession(first)).rejects.toThrow(/has expired|revoked/);
    await holdsSession(await enrol(controller.enrolAddress, ca, (await tokenAgain(gatewayId)).token));
    expect(await stateOf(first)).not.toBe('revoked');
  });

  it('is refused to the agent of another gateway, whose token stays good', async () => {
    const [one, other] = [await enrolled(), await enrolled()];
    const { token } = await tokenAgain(one.response.gatewayId);
    await expect(enrol(controller.enrolAddress, ca, token, other.response.gatewayId)).rejects.toThrow(/invalid or has expired/);
    expect((await enrol(controller.enrolAddress, ca, token, one.response.gatewayId)).response.gatewayId).toBe(one.response.gatewayId);
    const { joinToken } = await makePlace(owner, `Renewing ${++tenants}`, 'gw1');
    await expect(enrol(controller.enrolAddress, ca, joinToken, one.response.gatewayId)).rejects.toThrow(/invalid or has expired/);
    expect((await enrol(controller.enrolAddress, ca, joinToken)).response.gatewayName).toBe('gw1');
  });

  it('by an agent that has a state folder keeps it; a token that is no good changes nothing and is tried once', async () => {
    const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-again-'));
    const { joinToken } = await makePlace(owner, `Renewing ${++tenants}`, 'gw1');
    const start = (token: string) =>
      identityOf({
        stateDir,
        enrolAddress: controller.enrolAddress,
        joinToken: token,
        hostname: 'gw1',
        clock: systemClock,
        random: Math.random,
        log: pino({ level: 'silent' }),
        signal: new AbortController().signal,
      });
    const first = await start(joinToken);
    expect(await start(joinToken)).toEqual(first);
    for (const noToken of ['', 'ctf1.old', 'what an earlier version called a token']) expect(await start(noToken)).toEqual(first);
    const refused = async () => (await owner.call(routes.listAudit, { query: { action: 'enrolment.refused' } })).items.length;
    const before = await refused();
    const revoked = await tokenAgain(first.gatewayId);
    await owner.call(routes.revokeEnrolmentToken, { params: { id: revoked.id } });
    for (let restart = 0; restart < 3; restart++)
      expect(await start(revoked.token)).toMatchObject({ gatewayId: first.gatewayId, certificate: first.certificate });
    expect((await refused()) - before).toBe(1);
    const second = await start((await tokenAgain(first.gatewayId)).token);
    expect(second.gatewayId).toBe(first.gatewayId);
    expect(second.certificate).not.toBe(first.certificate);
    rmSync(stateDir, { recursive: true });
  });
});
