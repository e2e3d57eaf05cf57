import { afterEach, describe, expect, test } from 'vitest';
import { LIBRARY } from '../../controller/remediations/library.ts';
import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { whyTooMany } from '../../proto/model/remediation-limits.ts';
import type { GatewayKind } from '../lab/lab.ts';
import { policyClient, type Routing } from '../lab/routing.ts';
import { clientAddress, clientAddress6, externalAddress, SERVERS, SERVERS6 } from '../lab/topology.ts';
import { espPacket, grePacket, sendRaw } from '../lab/traffic/raw.ts';
import { Blocking } from '../support/blocking.ts';
import { inside, Namespace } from '../support/namespace.ts';
import { Registrant } from '../support/registrant.ts';
import { sendFlows } from '../support/send-flows.ts';
import { StaleGateway } from '../support/stale-gateway.ts';
import { until } from '../support/until.ts';
import { IS_WHOLE } from '../support/whole.ts';

const why = Namespace.why();
const builtIn = (key: string) => LIBRARY.find((one) => one.key === key)!.document;

let gateway: StaleGateway;
const phones: Registrant[] = [];
afterEach(async () => {
  for (const phone of phones.splice(0)) phone.end();
  await gateway.close();
});

interface Host {
  4: string;
  6: string;
}

/** A client's addresses in both families. */
const hostOf = (routing: Routing, client: number): Host => {
  const number = routing === 'policy' ? policyClient(client) : client;
  return { 4: clientAddress(1, number), 6: clientAddress6(1, number) };
};
const serverOf = (family: 4 | 6, number = 0): string => (family === 4 ? SERVERS : SERVERS6)[number]!;

/** A client whom a server answers. */
async function ring(address: string, to: 'sip' | 'echo', server = SERVERS[0]!): Promise<Registrant> {
  const phone = await Registrant.start({ namespace: gateway.lab.names.lan(1), address, port: 7000, server, to });
  phones.push(phone);
  await until(`${address} is answered`, () => phone.answers > 0 || undefined);
  return phone;
}

describe.skipIf(why !== undefined)(`built-ins that the controller runs${why ? ` (skipped: ${why})` : ''}`, () => {
  test('an address that stands for the whole gateway is no host, and the limit says so', async () => {
    gateway = await StaleGateway.start();
    const { filter, limits } = builtIn('compromised-host');
    await sendFlows(gateway.lab.names.lan(1), {
      count: 200,
      from: () => clientAddress(1, 20),
      to: SERVERS[1]!,
      has: () => gateway.lab.count(1),
    });
    const flows = await gateway.flows(filter.replace('192.0.2.1', externalAddress(1, 1)));
    expect(whyTooMany(limits, [{ flows: flows.length, stale: 0, tableCount: gateway.lab.count(1) }])?.why).toMatch(
      /^200 of 20\d flows match, and maxPercentOfTable is 95$/,
    );
  });
});

const ROUTED: readonly (GatewayKind & { routing: Routing })[] = [
  { routing: 'standby', nat: 'snat', pin: false },
  { routing: 'policy', nat: 'masquerade', pin: true },
  ...(IS_WHOLE
    ? ([
        { routing: 'balanced', nat: 'masquerade', pin: true },
        { routing: 'single', nat: 'masquerade', pin: false },
        { routing: 'single', nat: 'snat', pin: false },
      ] as const)
    : []),
];
const PROTOCOLS = [
  [47, grePacket()],
  [50, espPacket(7)],
] as const;

describe.skipIf(why !== undefined).each(ROUTED)('$routing gateway with $nat', (kind) => {
  test('tunnels without replies are ended, and those with replies remain the same flows', async () => {
    gateway = await StaleGateway.start(kind);
    const [dead, live] = [hostOf(kind.routing, 40), hostOf(kind.routing, 41)];
    const { lan, inet } = { lan: gateway.lab.names.lan(1), inet: gateway.lab.names.inet };
    const tunnels = '(proto:gre or proto:esp)';
    await inside(lan, async () => {
      // To two servers: without ports, two hosts cannot be translated to one address towards the same server, and the second packet is
      // dropped.
      for (const [proto, payload] of PROTOCOLS)
        for (const [peer, host] of [dead, live].entries())
          for (const family of [4, 6] as const) sendRaw(proto, host[family], serverOf(family, peer), payload);
    });
    await until('all eight are in the table', async () => (await gateway.flows(tunnels)).length === 8 || undefined);
    const answered = await gateway.flows(`${tunnels} (src:${live[4]} or src:${live[6]})`);
    await inside(inet, async () => {
      for (const { proto, reply } of answered) sendRaw(proto, reply.src, reply.dst, PROTOCOLS.find(([one]) => one === proto)![1]);
    });
    await until('four have replies', async () => (await gateway.flows(`${tunnels} -status:unreplied`)).length === 4 || undefined);
    const { filter, limits } = builtIn('stuck-gre-esp');
    // Two minutes take one second here.
    const stuck = filter.replace('age>2m', 'age>1s');
    expect(stuck).not.toBe(filter);
    const found = await until('all the stuck ones are found', async () => {
      const flows = await gateway.flows(stuck);
      return flows.length === 4 ? flows : undefined;
    });
    expect(new Set(found.map(({ orig }) => orig.src))).toEqual(new Set(Object.values(dead)));
    expect(whyTooMany(limits, [{ flows: found.length, stale: 0, tableCount: gateway.lab.count(1) }])).toBeUndefined();
    expect(await gateway.end(stuck)).toBe(4);
    const left = await gateway.flows(tunnels);
    expect(left.map(({ id }) => id).sort()).toEqual(answered.map(({ id }) => id).sort());
  });

  test('a compromised host is cut off in both families, and another host keeps the same flow', async () => {
    gateway = await StaleGateway.start(kind);
    const blocking = new Blocking(gateway.table);
    try {
      const [bad, good] = [hostOf(kind.routing, 50), hostOf(kind.routing, 51)];
      const { filter, limits } = builtIn('compromised-host');
      for (const family of [4, 6] as const) {
        const [attacker, neighbour] = [
          await ring(bad[family], 'echo', serverOf(family)),
          await ring(good[family], 'echo', serverOf(family)),
        ];
        const own = filter.replace('192.0.2.1', bad[family]);
        const flows = await gateway.flows(own);
        expect(whyTooMany(limits, [{ flows: flows.length, stale: 0, tableCount: gateway.lab.count(1) }])).toBeUndefined();
        const [before] = await gateway.flows(`src:${good[family]}`);
        const { id, outcomes } = await blocking.block(own, flows);
        expect(outcomes).toEqual(flows.map(() => Outcome.OUTCOME_BLOCKED));
        const { answers } = attacker;
        await until('its packets are refused', async () => (await blocking.refused(id)) > 2 || undefined);
        expect(attacker.answers).toBe(answers);
        const heard = neighbour.answers;
        await until('the neighbour gets through', () => neighbour.answers > heard + 1 || undefined);
        expect((await gateway.flows(`src:${good[family]}`)).map((flow) => flow.id)).toEqual([before!.id]);
      }
    } finally {
      await blocking.end();
    }
  });
});

describe.skipIf(why !== undefined)('what failback ends', () => {
  const failback = (wan: string): string => builtIn('failback-sip').filter.replaceAll('$wan', wan);

  test('is every flow whose successor would use the WAN that came back, and none that a rule or hash sends elsewhere', async () => {
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

  test('is nothing on a balanced gateway, where each flow uses the WAN that its hash selected', async () => {
    gateway = await StaleGateway.start({ nat: 'masquerade', pin: true, routing: 'balanced' });
    for (const client of [30, 31, 32, 33]) await ring(clientAddress(1, client), 'sip');
    expect(await gateway.flows('app:sip')).toHaveLength(4);
    for (const wan of ['wan1', 'wan2']) expect(await gateway.named(failback(wan))).toEqual([]);
  });
});
