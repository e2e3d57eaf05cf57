import { once } from 'node:events';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../proto/http/fleet.ts';
import { routes } from '../../proto/http/routes.ts';
import { spawnIn } from '../lab/namespace.ts';
import { CONTROLLER_ADDRESS } from '../lab/topology.ts';
import { ROOT } from '../../tools/set-up.ts';
import { keepScreenshot, launchChromium, signIn } from '../support/browser.ts';
import { startTestSystem, until } from '../support/system.ts';

let running: Awaited<ReturnType<typeof startTestSystem>>;
let startedAt: number;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  running = await startTestSystem({ gateways: 3, withConsole: true });
  startedAt = performance.now();
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(60_000);
  await signIn(page, running.system.consoleUrl, running.system.operator);
});
afterAll(async () => {
  await browser?.close();
  await running?.end();
});

async function gateways(): Promise<Gateway[]> {
  return (await running.system.api.call(routes.listGateways, { query: { limit: 10 } })).items;
}

describe('three gateways', () => {
  it('have samples in Postgres within 15 s of start, and the usage chart shows them', async () => {
    const all = await gateways();
    expect(all).toHaveLength(3);
    for (const gateway of all) {
      const first = await until(
        `${gateway.name} has samples`,
        async () => {
          const { points } = await running.system.api.call(routes.listSamples, {
            params: { id: gateway.id },
            query: { from: new Date(Date.now() - 600_000).toISOString(), to: new Date().toISOString(), points: 60 },
          });
          return points.at(-1);
        },
        Math.max(1, 15_000 - (performance.now() - startedAt)),
      );
      expect(first.count).toBeGreaterThan(0);
      expect(first.max).toBeGreaterThan(0);
    }
    await page.goto(`${running.system.consoleUrl}/gateways/${all[0]!.id}`);
    await page.getByRole('heading', { name: 'Entries and limit' }).waitFor();
    await page.locator('canvas').first().waitFor();
    await page.getByRole('button', { name: 'View as table' }).first().click();
    const cells = page.getByRole('table').filter({ hasText: 'Entries' }).getByRole('row');
    await until('the chart’s table has a sample', async () => ((await cells.count()) > 1 ? true : undefined));
    await keepScreenshot(page, 'gateway');
  });

  it('report what their tables hold by state, protocol and WAN', async () => {
    const gateway = await until('a breakdown has arrived', async () => (await gateways()).find(({ usage }) => usage?.byWan));
    expect(Object.keys(gateway.usage!.byProto!)).toEqual(expect.arrayContaining(['tcp', 'udp', 'icmp', 'gre', 'esp']));
    expect(gateway.usage!.byWan!.wan1).toBeGreaterThan(0);
    expect(gateway.wans.map((wan) => [wan.name, wan.isUp, wan.carriesDefaultRoute])).toEqual([
      ['wan1', true, true],
      ['wan2', true, false],
    ]);
  });

  it('that lack a capability say which and why, and continue with what they can do', async () => {
    const { system, stateDir } = running;
    const target = system.placed[1]!;
    const agent = system.agents.get(target.name)!;
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    await ended;
    // The same agent, as root but without CAP_NET_ADMIN: counters come from files, the table itself is out of reach.
    const weak = spawnIn(
      system.lab!.names.gateway(2),
      'setpriv',
      ['--bounding-set=-net_admin', '--inh-caps=-net_admin', process.execPath, path.join(ROOT, 'build/agent/main.js'), 'run'],
      {
        stdio: 'ignore',
        env: {
          ...process.env,
          CTFLEET_STATE_DIR: path.join(stateDir, 'agents', target.name),
          CTFLEET_LINK_ADDRESS: `[${CONTROLLER_ADDRESS}]:4444`,
        },
      },
    );
    try {
      const gateway = await until('the weak agent is connected', async () =>
        (await gateways()).find(
          ({ name, state, capabilities }) => name === target.name && state === 'online' && capabilities?.cannot.list !== undefined,
        ),
      );
      expect(gateway.capabilities!.can).toContain('counters');
      expect(gateway.capabilities!.cannot.list).toMatch(/CAP_NET_ADMIN/);
      expect(gateway.capabilities!.cannot.delete).toMatch(/CAP_NET_ADMIN/);
      const search = await system.api.call(routes.searchFlows, {
        body: { filter: 'proto:udp', scope: { gateways: [gateway.id] }, limit: 1 },
      });
      expect(search.gateways[0]).toMatchObject({ state: 'failed', reason: expect.stringMatching(/CAP_NET_ADMIN/) as string });
      const before = gateway.usage!.at;
      await until('samples still come', async () =>
        (await gateways()).find(({ id }) => id === gateway.id)!.usage!.at > before ? true : undefined,
      );
    } finally {
      weak.kill('SIGKILL');
    }
  });

  it('that are offline are shown as such, with the time, and no plan waits for them', async () => {
    const { system } = running;
    const target = system.placed[2]!;
    system.agents.get(target.name)!.kill('SIGKILL');
    const gateway = await until('the controller noticed', async () =>
      (await gateways()).find(({ name, state }) => name === target.name && state === 'offline'),
    );
    expect(Date.parse(gateway.since)).toBeGreaterThan(Date.now() - 60_000);
    const search = await system.api.call(routes.searchFlows, { body: { scope: { gateways: [gateway.id] }, limit: 1 } });
    expect(search.gateways[0]).toMatchObject({ state: 'offline', reason: expect.stringContaining('since') as string });
    const plan = await system.api.call(routes.createPlan, {
      body: { filter: 'proto:udp', scope: { gateways: [gateway.id] }, reason: 'offline' },
    });
    expect(plan.gateways[0]).toMatchObject({ state: 'left-out', reason: expect.stringContaining('since') as string });
    await expect(system.api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).rejects.toThrow(
      /nothing|empty|no flow/i,
    );
    await page.goto(`${system.consoleUrl}/`);
    await page.getByText('Offline').first().waitFor();
    await keepScreenshot(page, 'overview-offline');
  });
});
