import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { GatewaysService } from '../../../controller/gateways/gateways.service.ts';
import { Sample } from '../../../proto/gen/ctfleet/v1/stats.ts';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { withChange } from '../../../proto/http/overview-change.ts';
import type { Overview, OverviewChange } from '../../../proto/http/overview.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let mine: Person;
let own: FakeAgent;
let foreign: FakeAgent;
let places: Awaited<ReturnType<typeof makePlace>>[];

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  places = [await makePlace(owner, 'Mine', 'mine-gw'), await makePlace(owner, 'Foreign', 'foreign-gw')];
  mine = await controller.person('mine', [{ role: 'owner', tenantId: places[0]!.tenantId }]);
  [own, foreign] = [await FakeAgent.join(controller, places[0]!.joinToken), await FakeAgent.join(controller, places[1]!.joinToken)];
});
afterAll(async () => {
  own.disconnect();
  foreign.disconnect();
  await controller.stop();
  await postgres.stop();
});

/** As the list has it, which is served from memory, once it is what Postgres has. */
async function listedAsRead(what: string, fits: (gateway: Gateway) => boolean): Promise<Gateway> {
  const params = { id: own.gatewayId };
  return eventually(what, async () => {
    const [listed] = (await owner.call(routes.listGateways, { query: { ids: own.gatewayId } })).items;
    return listed && fits(listed) && JSON.stringify(listed) === JSON.stringify(await owner.call(routes.getGateway, { params }))
      ? listed
      : undefined;
  });
}

async function metricsOf(person: Person): Promise<string> {
  const { secret } = await person.call(routes.createToken, {
    body: { name: 'prometheus', role: 'viewer', ...(person === mine && { tenantId: places[0]!.tenantId }) },
  });
  const response = await fetch(`${controller.origin}/metrics`, {
    headers: { authorization: `Bearer ${secret}`, 'accept-encoding': 'identity' },
  });
  return response.text();
}

describe('every writer of what a gateway shows', () => {
  it.each<[string, () => Promise<unknown>, (gateway: Gateway) => boolean]>([
    [
      'a session that opens',
      () => own.connect(controller.linkAddress, { kernel: '6.12' }),
      ({ state, kernel }) => state === 'online' && kernel === '6.12',
    ],
    [
      'a sample',
      async () => own.sendSamples(1n, [Sample.fromPartial({ atMs: BigInt(Date.now()), count: 42n, max: 100n })]),
      ({ usage }) => usage?.count === 42,
    ],
    [
      'a WAN that fails',
      async () =>
        own.sendSamples(2n, [
          Sample.fromPartial({ atMs: BigInt(Date.now()), count: 43n, wans: [{ name: 'w', interface: 'e', isUp: false }] }),
        ]),
      ({ wans }) => wans[0]?.isUp === false,
    ],
    [
      'tags',
      () => owner.call(routes.updateGateway, { params: { id: own.gatewayId }, body: { tags: ['voip'] } }),
      ({ tags }) => tags[0] === 'voip',
    ],
    [
      'a name',
      () => owner.call(routes.updateGateway, { params: { id: own.gatewayId }, body: { name: 'renamed' } }),
      ({ name }) => name === 'renamed',
    ],
    ['a session that ends', async () => own.disconnect(), ({ state }) => state === 'offline'],
    [
      'an identity that is set aside',
      async () => {
        await postgres.query(url, `UPDATE gateway SET set_aside_at = now(), set_aside_reason = 'two agents' WHERE id = $1`, [
          own.gatewayId,
        ]);
        await postgres.query(url, `SELECT pg_notify('ctfleet_gateway', $1)`, [own.gatewayId]);
      },
      ({ state }) => state === 'set-aside',
    ],
    ['a reinstatement', () => owner.call(routes.reinstateGateway, { params: { id: own.gatewayId } }), ({ state }) => state === 'offline'],
    ['a revocation', () => owner.call(routes.revokeGateway, { params: { id: own.gatewayId } }), ({ state }) => state === 'revoked'],
  ])('is followed by the list: %s', async (what, change, fits) => {
    await change();
    expect((await listedAsRead(what, fits)).id).toBe(own.gatewayId);
  });

  it('a gateway that joins is listed, and one whose row is gone is not', async () => {
    const { joinToken, tenantId } = await makePlace(owner, 'Short', 'short-gw');
    const { gatewayId } = await FakeAgent.join(controller, joinToken);
    const total = async () => (await owner.call(routes.listGateways, { query: { tenant: tenantId } })).total;
    await eventually('it is listed', async () => (await total()) === 1 || undefined);
    for (const table of ['certificate', 'enrolment_token'])
      await postgres.query(url, `DELETE FROM ${table} WHERE gateway_id = $1`, [gatewayId]).catch(() => undefined);
    await postgres.query(url, 'DELETE FROM gateway WHERE id = $1', [gatewayId]);
    await postgres.query(url, `SELECT pg_notify('ctfleet_gateway', $1)`, [gatewayId]);
    await eventually('it is gone', async () => (await total()) === 0 || undefined);
  });
});

describe('tenants', () => {
  it('see nothing of each other in lists, overview, neighbours, stream and metrics', async () => {
    const events = await mine.watch(routes.watchFleet, {}, { watch: 'overview', ids: `${foreign.gatewayId},${own.gatewayId}` });
    const seen: unknown[] = [];
    await events.until((event: { kind: string }) => (seen.push(event), event.kind === 'heartbeat'));
    await foreign.connect(controller.linkAddress);
    await eventually('the other is online', async () =>
      (await owner.call(routes.listGateways, { query: { ids: foreign.gatewayId } })).items.find(({ state }) => state === 'online'),
    );
    const [{ tenantId, siteId }] = [places[1]!];
    const all = JSON.stringify([
      seen.filter((event) => (event as { kind: string }).kind !== 'gateway-gone'),
      ...(await Promise.all(
        ([{}, { tenant: tenantId }, { site: siteId }, { gateway: foreign.gatewayId }] as Record<string, string>[]).flatMap((query) => [
          mine.call(routes.getOverview, { query }),
          mine.call(routes.listGateways, { query: { ...query, order: 'place' } }),
        ]),
      )),
      await mine.call(routes.listGateways, { query: { text: 'foreign' } }),
      await mine.call(routes.getNeighbours, { params: { id: own.gatewayId } }),
      await metricsOf(mine),
    ]);
    events.close();
    expect(all).toContain('renamed');
    expect(all).not.toMatch(new RegExp(`foreign-gw|Foreign|${foreign.gatewayId}|${tenantId}`));
    expect(await metricsOf(owner)).toContain('gateway="foreign-gw"');
    expect((await mine.ask(routes.getNeighbours, { params: { id: foreign.gatewayId } })).status).toBe(404);
  });

  it('a gateway that moves to another tenant leaves at once what the first one sees, also on an open stream', async () => {
    const events = await mine.watch(routes.watchFleet, {}, { ids: own.gatewayId });
    await events.until(({ kind }: { kind: string }) => kind === 'heartbeat');
    await postgres.query(url, 'UPDATE gateway SET tenant_id = $2, site_id = $3 WHERE id = $1', [
      own.gatewayId,
      places[1]!.tenantId,
      places[1]!.siteId,
    ]);
    await postgres.query(url, `SELECT pg_notify('ctfleet_gateway', $1)`, [own.gatewayId]);
    expect(await events.until(({ kind }: { kind: string }) => kind === 'gateway-gone')).toMatchObject({ gatewayId: own.gatewayId });
    events.close();
    expect((await mine.call(routes.listGateways)).total).toBe(0);
    expect((await mine.call(routes.getOverview)).figures.gateways).toBe(0);
    expect(await metricsOf(mine)).not.toContain('gateway="renamed"');
    expect((await owner.call(routes.listGateways, { query: { tenant: places[1]!.tenantId } })).total).toBe(2);
  });

  it('whoever loses a tenant loses its gateways with the next request, and the stream', async () => {
    const person = await controller.person('leaver', [
      { role: 'viewer', tenantId: places[0]!.tenantId },
      { role: 'viewer', tenantId: places[1]!.tenantId },
    ]);
    expect((await person.call(routes.listGateways)).total).toBe(2);
    const events = await person.watch(routes.watchFleet, {}, { watch: 'overview' });
    await events.until(({ kind }: { kind: string }) => kind === 'heartbeat');
    await postgres.query(
      url,
      `DELETE FROM role_grant WHERE tenant_id = $1 AND user_id = (SELECT id FROM "user" WHERE email = 'leaver@example.net')`,
      [places[1]!.tenantId],
    );
    expect((await person.call(routes.listGateways)).total).toBe(0);
    expect((await person.call(routes.getOverview)).figures.gateways).toBe(0);
    expect(await events.until(() => false)).toBeUndefined();
  });
});

describe('a stream of the overview', () => {
  it('sends differences that make up what is answered whole', async () => {
    const events = await owner.watch(routes.watchFleet, {}, { watch: 'overview' });
    let had: Overview | undefined;
    const flows = async (count: number) =>
      events.until((event: OverviewChange & { kind: string }) => {
        if (event.kind === 'overview') had = withChange(had, event);
        return had?.figures.flows === count;
      });
    for (const count of [7, 90, 8]) {
      foreign.sendSamples(BigInt(100 + count), [Sample.fromPartial({ atMs: BigInt(Date.now()), count: BigInt(count), max: 100n })]);
      await flows(count);
      const { asOf: _, ...whole } = await owner.call(routes.getOverview);
      const { asOf: __, ...kept } = had!;
      expect(JSON.parse(JSON.stringify(kept))).toEqual(JSON.parse(JSON.stringify(whole)));
    }
    events.close();
  });
});

describe('looking', () => {
  it('reads no gateway from Postgres, however many look', async () => {
    foreign.disconnect();
    await eventually('it is offline', async () =>
      (await owner.call(routes.listGateways, { query: { ids: foreign.gatewayId } })).items.find(({ state }) => state === 'offline'),
    );
    const gateways = controller.running.app.get(GatewaysService);
    const reads = [vi.spyOn(gateways, 'readPage'), vi.spyOn(gateways, 'readSome'), vi.spyOn(gateways, 'getMany')];
    const streams = await Promise.all(Array.from({ length: 10 }, () => owner.watch(routes.watchFleet, {}, { watch: 'overview' })));
    for (const events of streams) await events.until(({ kind }: { kind: string }) => kind === 'heartbeat');
    for (let look = 0; look < 10; look++) {
      await owner.call(routes.listGateways);
      await owner.call(routes.getOverview);
    }
    streams.forEach((events) => events.close());
    expect(reads.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
    vi.restoreAllMocks();
  });

  it('metrics are compressed for whoever takes it, with the same text', async () => {
    const { secret } = await owner.call(routes.createToken, { body: { name: 'p', role: 'viewer' } });
    const ask = async (encoding: string) => {
      const response = await fetch(`${controller.origin}/metrics`, {
        headers: { authorization: `Bearer ${secret}`, 'accept-encoding': encoding },
      });
      return {
        encoding: response.headers.get('content-encoding'),
        lines: (await response.text()).split('\n').filter((line) => line.includes('gateway="')),
      };
    };
    const [plain, packed, refused] = [await ask('identity'), await ask('gzip'), await ask('gzip;q=0')];
    expect([plain.encoding, packed.encoding, refused.encoding]).toEqual([null, 'gzip', null]);
    expect(packed.lines).toEqual(plain.lines);
    expect(plain.lines.length).toBeGreaterThan(2);
  });
});
