import { afterEach, describe, expect, it } from 'vitest';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import type { TableCounters } from '../../agent/conntrack/table.ts';
import { routes } from '../../proto/http/routes.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { FakeAgent } from '../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController } from '../support/controller-fleet.ts';
import { openTestDatabases } from '../support/database.ts';
import { HostileController } from '../support/hostile-controller.ts';

const NOT_LOADED = 'nf_conntrack is not loaded.';
const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A gateway whose firewall loads nf_conntrack on demand. */
class LateTable extends MemoryTable {
  isLoaded = false;

  override async capabilities(): Promise<{ can: string[]; cannot: Record<string, string> }> {
    return this.isLoaded ? super.capabilities() : { can: [], cannot: { counters: NOT_LOADED, list: NOT_LOADED, delete: NOT_LOADED } };
  }

  override async counters(): Promise<TableCounters> {
    if (!this.isLoaded) throw new FleetError('CAPABILITY_MISSING', NOT_LOADED);
    return super.counters();
  }
}

describe('an agent that starts before the table exists', () => {
  it('reports it, keeps checking, and begins a new session once the table is there', async () => {
    const controller = await HostileController.start({ welcome: () => ({ sampleIntervalMs: 1000 }) });
    ends.push(() => controller.end());
    const table = new LateTable({ now: Date.now });
    const clock = {
      now: Date.now,
      delay: (ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(ms, 200));
          signal?.addEventListener(
            'abort',
            () => {
              clearTimeout(timer);
              resolve();
            },
            { once: true },
          );
        }),
    };
    await controller.startAgent({ table, clock });
    expect((await controller.session()).hello).toMatchObject({ tableError: NOT_LOADED });
    table.isLoaded = true;
    const { hello } = await controller.session(2);
    expect(hello).toMatchObject({ tableError: '', capabilities: { can: expect.arrayContaining(['list', 'delete']) } });
    table.isLoaded = false;
    expect((await controller.session(3)).hello).toMatchObject({ tableError: NOT_LOADED });
  });
});

describe('a gateway that cannot see its table', () => {
  it('is not shown with outdated figures, and is left out of searches and plans with the reason', async () => {
    const postgres = await openTestDatabases();
    ends.push(() => postgres.stop());
    const controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    ends.push(() => controller.stop());
    const owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
    const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
    const agent = await FakeAgent.join(controller, joinToken);
    ends.push(() => agent.disconnect());
    await agent.connect(controller.linkAddress, { tableError: NOT_LOADED });
    const gateway = await eventually('it is listed as online', async () =>
      (await owner.call(routes.listGateways)).items.find(({ state }) => state === 'online'),
    );
    expect(gateway).toMatchObject({ state: 'online', tableError: NOT_LOADED, capabilities: { can: ['delete'] } });
    expect(gateway.usage).toBeUndefined();
    const found = await owner.call(routes.searchFlows, { body: { filter: 'proto:udp' } });
    expect(found.gateways).toMatchObject([{ state: 'failed', reason: `cannot see its table: ${NOT_LOADED}` }]);
    const plan = await owner.ask(routes.createPlan, { body: { filter: 'proto:udp', scope: {}, method: 'delete', reason: 'a test' } });
    expect(JSON.stringify(plan.body)).toContain('cannot see its table');
    agent.disconnect();
    await agent.connect(controller.linkAddress);
    await eventually('it is shown as seeing', async () => {
      const [seeing] = (await owner.call(routes.listGateways)).items;
      return (seeing?.state === 'online' && seeing.tableError === undefined) || undefined;
    });
  });
});
