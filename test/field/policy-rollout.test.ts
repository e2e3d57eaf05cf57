import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import type { PolicyRollout } from '../../proto/http/policy-rollouts.ts';
import { processesOf } from '../faults/policies/gateway-state.ts';
import { eventually, startWithOwner, type Person, type TestController } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';
import { Namespace } from '../support/namespace.ts';
import { PolicySites, type PolicySite } from '../support/policy-sites.ts';

const why = Namespace.why();
/** What these gateways' own firewalls do not bear: no new connection to the controller comes about. */
const CUTTING = '{ accounting: true }';
const KIND = '{ timeouts: { udp: { replied: 61s } }, rules: [{ name: dns, match: { proto: udp, dport: 53 }, idleTimeout: 40s }] }';

describe.skipIf(why !== undefined)(`a policy that is rolled out to real gateways${why ? ` (skipped: ${why})` : ''}`, () => {
  let postgres: TestDatabases;
  let controller: TestController;
  let owner: Person;
  let tenantId: string;
  let sites: PolicySites;
  let first: PolicySite;
  let second: PolicySite;
  let count = 0;

  beforeAll(async () => {
    ({ postgres, controller, owner } = await startWithOwner());
    const tenant = await owner.call(routes.createTenant, { body: { name: 'Acme' } });
    tenantId = tenant.id;
    const { id: siteId } = await owner.call(routes.createSite, { body: { tenantId, name: 'HQ' } });
    sites = new PolicySites('ctg-roll');
    await sites.serve(controller);
    for (const family of [4, 6] as const) {
      const { site, linkAddress } = sites.add(family);
      const name = `gw over IPv${family}`;
      const { token } = await owner.call(routes.createEnrolmentToken, { body: { siteId, gatewayName: name } });
      await site.join(controller, name, token, linkAddress);
      site.start();
      await isOnline(site);
    }
    [first, second] = sites.sites as [PolicySite, PolicySite];
  });
  afterEach(async () => {
    for (const { id } of (await owner.call(routes.listPolicies)).items) await owner.call(routes.deletePolicy, { params: { id } });
  });
  afterAll(async () => {
    await sites?.end();
    await controller?.stop();
    await postgres?.stop();
  });

  const isOnline = (site: PolicySite): Promise<unknown> =>
    eventually('the gateway is online', async () => {
      const { items } = await owner.call(routes.listGateways);
      return items.find(({ id, state }) => id === site.gatewayId && state === 'online');
    });

  /** Saves a policy for the tenant and rolls it out to both gateways, the one over IPv4 first. */
  async function roll(spec: string, withinSeconds: number): Promise<string> {
    const document = `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: trial ${++count} }\nspec: ${spec}\n`;
    const { id } = await owner.call(routes.createPolicy, { body: { tenantId, target: { level: 'tenant' }, document } });
    const { digest } = await owner.call(routes.planPolicy, { params: { id }, body: {} });
    return (await owner.call(routes.applyPolicy, { params: { id }, body: { digest, reason: 'trial', withinSeconds } })).rolloutId;
  }
  const get = (id: string): Promise<PolicyRollout> => owner.call(routes.getPolicyRollout, { params: { id } });
  const over = (id: string): Promise<PolicyRollout> =>
    eventually(
      'the roll-out is over',
      async () => {
        const rollout = await get(id);
        return rollout.finishedAt === undefined ? undefined : rollout;
      },
      100_000,
    );
  const isConfirming = (id: string): Promise<unknown> =>
    eventually('the first gateway is confirming', async () => (await get(id)).targets[0]!.state === 'confirming' || undefined);

  const tells = (site: PolicySite) => ({
    stream: site.setting('udp_timeout_stream'),
    hasRule: site.table().includes('dport 53'),
    acct: site.setting('acct'),
  });
  const before = { stream: 120, hasRule: false, acct: 0 };

  test('holds on both, one after the other, once each was heard over a new session; and is undone as it came', async () => {
    expect([tells(first), tells(second)]).toEqual([before, before]);
    const id = await roll(KIND, 120);
    const rollout = await over(id);
    expect(rollout).toMatchObject({ state: 'confirmed', waves: 2, totals: { confirmed: 2 } });
    const [one, two] = rollout.targets;
    expect(Date.parse(one!.finishedAt!)).toBeLessThanOrEqual(Date.parse(two!.startedAt!) + 1000);
    const after = { stream: 61, hasRule: true, acct: 0 };
    expect([tells(first), tells(second)]).toEqual([after, after]);
    await eventually('how both stand to it is told', async () => {
      const { items } = await owner.call(routes.listPolicyStates, { query: {} });
      return items.every(({ compliance, inForce }) => compliance === 'compliant' && inForce?.rolloutId === id) ? items : undefined;
    });
    const { rolloutId } = await owner.call(routes.undoPolicyRollout, { params: { id } });
    expect(await over(rolloutId)).toMatchObject({ state: 'confirmed', kind: 'undo' });
    expect([tells(first), tells(second)]).toEqual([before, before]);
  });

  test('is put back at its deadline where it cuts the gateway off from its controller, and goes nowhere else', async () => {
    const id = await roll(CUTTING, 30);
    await isConfirming(id);
    expect(first.setting('acct')).toBe(1);
    const rollout = await over(id);
    expect(rollout).toMatchObject({ state: 'stopped', totals: { restored: 1, cancelled: 1 } });
    expect(rollout.targets[0]).toMatchObject({ state: 'restored', reason: 'It was not confirmed in time.' });
    expect(rollout.targets[1]!.startedAt).toBeUndefined();
    expect([tells(first), tells(second)]).toEqual([before, before]);
  });

  test('is put back at once when the agent is killed while it waits and starts again', async () => {
    const id = await roll(CUTTING, 600);
    await isConfirming(id);
    await first.end('SIGKILL');
    expect(first.setting('acct')).toBe(1);
    first.start();
    const rollout = await over(id);
    expect(rollout.targets[0]).toMatchObject({ state: 'restored', reason: 'The agent has started before it was confirmed.' });
    expect(rollout.state).toBe('stopped');
    expect(tells(first)).toEqual(before);
    await eventually('no dead-man is left', async () => processesOf(first.stateDir).length <= 1 || undefined);
  });

  test('is put back at its deadline if somebody cancels it while the gateway cannot hear that, and is cancelled', async () => {
    await isOnline(first);
    const id = await roll(CUTTING, 40);
    await isConfirming(id);
    expect(await owner.call(routes.cancelPolicyRollout, { params: { id } })).toMatchObject({ totals: { cancelled: 1 } });
    expect(await over(id)).toMatchObject({ state: 'cancelled', totals: { restored: 1, cancelled: 1 } });
    expect([tells(first), tells(second)]).toEqual([before, before]);
  });
});
