import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceError } from '@grpc/grpc-js';
import { redialMs, RETRY_AFTER_KEY, retryAfterMs } from '../../agent/link/backoff.ts';
import { AUTHORITY, type Authority } from '../../controller/identity/authority.ts';
import { provenKey } from '../../controller/identity/certificates.ts';
import { Admission } from '../../controller/link/admission.service.ts';
import { newId } from '../../controller/platform/ids.ts';
import { routes } from '../../proto/http/routes.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';
import { FakeAgent, type Enrolled } from '../support/controller-fake-agent.ts';
import { eventually, PASSWORD, TestController, type Person } from '../support/controller-fleet.ts';

/** How many gateways reconnect at once; for a larger run: CTFLEET_STORM_GATEWAYS=1000. */
const GATEWAYS = Number(process.env.CTFLEET_STORM_GATEWAYS ?? 300);
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

let fleet: AttackedFleet;
let controller: TestController;
let owner: Person;
let agents: FakeAgent[];

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  [controller, owner] = [fleet.controller, fleet.owner];
  agents = (await mint(GATEWAYS)).map((identity) => new FakeAgent(identity));
});
afterAll(async () => {
  agents.forEach((agent) => agent.disconnect());
  await controller.stop();
  await fleet.postgres.stop();
});

/** Gateways with certificates from the authority, as enrolment issues them; they share a key, which nobody checks. */
async function mint(count: number): Promise<Enrolled[]> {
  const first = await fleet.gateway('Acme', 'gw0');
  const authority = controller.running.app.get<Authority>(AUTHORITY);
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const csr = new Uint8Array((await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=gw', keys, signingAlgorithm: EC })).rawData);
  const ids = Array.from({ length: count - 1 }, () => newId());
  await fleet.postgres.query(
    fleet.url,
    `INSERT INTO gateway (id, tenant_id, site_id, name, created_at)
    SELECT id, $2, $3, 'storm ' || number, now() FROM unnest($1::uuid[]) WITH ORDINALITY AS minted (id, number)`,
    [ids, first.tenantId, first.siteId],
  );
  const others = await Promise.all(
    ids.map(async (gatewayId): Promise<Enrolled> => {
      const { certificatePem } = await authority.issueGateway(await provenKey(csr), { tenantId: first.tenantId, gatewayId }, 1, Date.now());
      return { response: { ...first.response, gatewayId, certificatePem: Buffer.from(certificatePem) }, key, ca: first.ca };
    }),
  );
  return [first, ...others];
}

/** Dials as an agent does until it is admitted: returns how long that took and how many attempts it needed. */
async function comeBack(agent: FakeAgent, address: string): Promise<{ ms: number; tries: number }> {
  const began = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      await agent.connect(address);
      return { ms: performance.now() - began, tries };
    } catch (error) {
      const stayAwayMs = retryAfterMs((error as ServiceError).metadata?.get(RETRY_AFTER_KEY) ?? []);
      agent.disconnect();
      await new Promise((resolve) => {
        setTimeout(resolve, redialMs(tries, stayAwayMs, Math.random));
      });
    }
  }
}

it(`F6: ${GATEWAYS} gateways that reconnect at once after a restart all get in, a few at a time, while people are served`, async () => {
  await controller.stop({ keepState: true });
  controller = await TestController.start({ CTFLEET_DATABASE_URL: fleet.url }, { stateDir: fleet.controller.stateDir });
  owner = await controller.signIn('owner@example.net', PASSWORD);
  let isOver = false;
  const callMs: number[] = [];
  const people = (async () => {
    while (!isOver) {
      const began = performance.now();
      await owner.call(routes.listGateways);
      callMs.push(performance.now() - began);
    }
  })();
  const storm = await Promise.all(agents.map((agent) => comeBack(agent, controller.linkAddress)));
  isOver = true;
  await people;

  const { peak } = controller.running.app.get(Admission);
  expect(peak).toBeGreaterThan(1);
  expect(peak).toBeLessThanOrEqual(6);
  expect(callMs.length).toBeGreaterThan(0);
  await eventually('all are online', async () => {
    const [row] = await fleet.postgres.query<{ online: number }>(
      fleet.url,
      'SELECT count(*)::int AS online FROM link_session WHERE closed_at IS NULL',
    );
    return row!.online === GATEWAYS || undefined;
  });
  const tries = storm.reduce((sum, one) => sum + one.tries, 0);
  process.stdout.write(
    `${GATEWAYS} gateways, ${tries} dials: in after p50 ${atPercent(
      storm.map(({ ms }) => ms),
      50,
    )} ms, p99 ${atPercent(
      storm.map(({ ms }) => ms),
      99,
    )} ms; ` + `${callMs.length} calls of a person meanwhile, p50 ${atPercent(callMs, 50)} ms, p99 ${atPercent(callMs, 99)} ms\n`,
  );
});

function atPercent(values: number[], percent: number): string {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * percent) / 100))]!.toFixed(0);
}
