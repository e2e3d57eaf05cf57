import { afterEach, describe, expect, test } from 'vitest';
import { LIBRARY } from '../../controller/remediations/library.ts';
import { whyTooMany } from '../../proto/model/remediation-limits.ts';
import { policyClient, type Routing } from '../lab/routing.ts';
import { clientAddress, clientAddress6, externalAddress, SERVERS } from '../lab/topology.ts';
import { Namespace } from '../support/namespace.ts';
import { Registrant } from '../support/registrant.ts';
import { sendFlows } from '../support/send-flows.ts';
import { StaleGateway } from '../support/stale-gateway.ts';
import { until } from '../support/until.ts';

const why = Namespace.why();
const builtIn = (key: string) => LIBRARY.find((one) => one.key === key)!.document;

let gateway: StaleGateway;
const phones: Registrant[] = [];
afterEach(async () => {
  for (const phone of phones.splice(0)) phone.end();
  await gateway.close();
});

interface Host { 4: string; 6: string }

/** Addresses of a client of both families. */
const hostOf = (routing: Routing, client: number): Host => {
  const number = routing === 'policy' ? policyClient(client) : client;
  return { 4: clientAddress(1, number), 6: clientAddress6(1, number) };
};
/** Who is answered by a server. */
async function ring(address: string, to: 'sip' | 'echo'): Promise<Registrant> {
  const phone = await Registrant.start({ namespace: gateway.lab.names.lan(1), address, port: 7000, server: SERVERS[0]!, to });
  phones.push(phone);
  await until(`${address} is answered`, () => phone.answers > 0 || undefined);
  return phone;
}

describe.skipIf(why !== undefined)(`built-ins that the controller runs${why ? ` (skipped: ${why})` : ''}`, () => {
  test('an address that stands for all of a gateway is no host: the limit says so', async () => {
    gateway = await StaleGateway.start();
    const { filter, limits } = builtIn('compromised-host');
    await sendFlows(gateway.lab.names.lan(1), { count: 200, from: () => clientAddress(1, 20), to: SERVERS[1]!, has: () => gateway.lab.count(1) });
    const flows = await gateway.flows(filter.replace('192.0.2.1', externalAddress(1, 1)));
    expect(whyTooMany(limits, [{ flows: flows.length, stale: 0, tableCount: gateway.lab.count(1) }])?.why).toMatch(/^200 of 20\d flows match, and maxPercentOfTable is 95$/);
  });
});

describe.skipIf(why !== undefined)('what failback ends', () => {
  const failback = (wan: string): string => builtIn('failback-sip').filter.replaceAll('$wan', wan);

  test('is what a new flow would have by the WAN that came back, and nothing where a rule or a hash leads elsewhere', async () => {
    gateway = await StaleGateway.start({ nat: 'masquerade', pin: true, routing: 'policy' });
    gateway.lab.failWan(1, 1, 'metric');
    const [moved, ruled] = [hostOf('standby', 30), hostOf('policy', 30)];
    for (const host of [moved, ruled]) await ring(host[4], 'sip');
    expect(await gateway.named(failback('wan1'))).toEqual([]);
    gateway.lab.healWan(1, 1);
    expect(await gateway.named(failback('wan1'))).toEqual([`${moved[4]} no`]);
    expect(await gateway.named('next-wan:wan2 wan:wan2')).toEqual([`${ruled[4]} no`]);
    expect(await gateway.named(failback('wan2'))).toEqual([]);
  });

  test('is nothing on a balanced gateway, where each flow is by the WAN that its hash gave it', async () => {
    gateway = await StaleGateway.start({ nat: 'masquerade', pin: true, routing: 'balanced' });
    for (const client of [30, 31, 32, 33]) await ring(clientAddress(1, client), 'sip');
    expect(await gateway.flows('app:sip')).toHaveLength(4);
    for (const wan of ['wan1', 'wan2']) expect(await gateway.named(failback(wan))).toEqual([]);
  });
});
