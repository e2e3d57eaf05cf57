import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Gateway } from '../../proto/http/fleet.ts';
import { routes } from '../../proto/http/routes.ts';
import { spawnIn } from '../lab/namespace.ts';
import { ENROL_IN_LAB, LINK_IN_LAB } from '../../tools/demo/gateways.ts';
import { ROOT } from '../../tools/set-up.ts';
import { BLACK_HOLE, clientAddress, CONTROLLER_ADDRESS, SERVERS } from '../lab/topology.ts';
import { keepScreenshot, launchChromium, signIn } from '../support/browser.ts';
import { startTestSystem, until } from '../support/system.ts';

/**
 * The operators' journeys of the console on three real gateways: each counts clicks and keys, which are asserted, and seconds, which are
 * only reported.
 */
let running: Awaited<ReturnType<typeof startTestSystem>>;
let browser: Browser;
let page: Page;
let gateways: Gateway[];
const children: ChildProcess[] = [];

beforeAll(async () => {
  running = await startTestSystem({ gateways: 3, withTraffic: false, withConsole: true });
  const { api, lab } = running.system;
  gateways = (await api.call(routes.listGateways, { query: { limit: 10 } })).items;
  // Flows without replies live for half a minute; on a busy machine an operator takes longer.
  for (const n of [1, 2, 3]) lab!.sysctl(n, 'net.netfilter.nf_conntrack_udp_timeout', 600);
  await start(lab!.names.inet, 'servers', []);
  await start(lab!.names.lan(1), 'burst', [clientAddress(1, 40), BLACK_HOLE, '9', '12']);
  await start(lab!.names.lan(3), 'burst', [clientAddress(3, 40), BLACK_HOLE, '9', '30']);
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  page.setDefaultTimeout(60_000);
  await signIn(page, running.system.consoleUrl, running.system.operator);
});
afterAll(async () => {
  children.forEach((child) => child.kill('SIGKILL'));
  await browser?.close();
  await running?.end();
});

async function start(namespace: string, name: string, args: string[]): Promise<void> {
  const child = spawnIn(namespace, process.execPath, [path.join(import.meta.dirname, '../lab/traffic', `${name}.ts`), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin!.on('error', () => undefined);
  children.push(child);
  await new Promise((resolve, reject) => {
    child.stdout!.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

/** Counts the actions of a person's hands. */
function hands() {
  const counted = { clicks: 0, keys: 0, pastes: 0 };
  const from = performance.now();
  return {
    counted,
    async click(target: Locator) {
      counted.clicks++;
      await target.click();
    },
    /** Opening a list and choosing from it. */
    async choose(target: Locator, label: string) {
      counted.clicks += 2;
      await target.selectOption({ label });
    },
    async press(key: string) {
      counted.keys++;
      await page.keyboard.press(key);
    },
    async type(text: string) {
      counted.keys += text.length;
      await page.keyboard.type(text);
    },
    async paste(text: string) {
      counted.pastes++;
      await page.keyboard.insertText(text);
    },
    tell(journey: string) {
      console.log(
        `${journey}: ${counted.clicks} clicks, ${counted.keys} keys, ${counted.pastes} pastes, ${((performance.now() - from) / 1000).toFixed(1)} s`,
      );
    },
  };
}

/**
 * A shell on a machine with the agent installed, where a command from the console is pasted. The lab reaches the controller at an address
 * of its own.
 */
function paste(namespace: string, { hostname, site }: { hostname: string; site: string }, command: string): void {
  const folder = path.join(running.stateDir, hostname);
  mkdirSync(folder, { mode: 0o700 });
  const agent = path.join(folder, 'ctfleet-agent');
  writeFileSync(agent, `#!/bin/sh\nexec ${process.execPath} ${path.join(ROOT, 'build/agent/main.js')} "$@"\n`, { mode: 0o755 });
  const line = command.replace(/(CTFLEET_ENROL_ADDRESS)=\S+/, `$1=${ENROL_IN_LAB}`);
  const child = spawnIn(namespace, 'unshare', ['--uts', 'sh', '-c', `hostname ${hostname} && exec env ${line}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      SITE: site,
      PATH: `${folder}:${process.env.PATH}`,
      CTFLEET_STATE_DIR: path.join(folder, 'state'),
      CTFLEET_LINK_ADDRESS: LINK_IN_LAB,
      CTFLEET_LOG_LEVEL: 'warn',
    },
  });
  children.push(child);
}

const find = (name: string) => gateways.find((gateway) => gateway.name === name)!;
const open = async (where: string) => {
  await page.goto(running.system.consoleUrl + where);
  await page.getByRole('heading', { level: 1 }).first().waitFor();
};

it('3: why can one host not reach another? Pasting it into the palette answers, and two keys end the stuck flow in use', async () => {
  const [from, to] = [clientAddress(2, 5), SERVERS[0]!];
  const { lab, api } = running.system;
  children.push(
    spawnIn(lab!.names.lan(2), process.execPath, [path.join(import.meta.dirname, '../lab/traffic/trunk.ts'), from, to, '4000', '5060']),
  );
  await until(
    'the flow is there',
    async () => (await api.call(routes.searchFlows, { body: { filter: `${from} ${to}`, scope: {}, limit: 2 } })).total === 1 || undefined,
  );
  await open('/');
  const { counted, press, paste, tell } = hands();
  await press('Control+k');
  await page.getByRole('textbox', { name: 'Find' }).waitFor();
  await paste(`${from} ${to}`);
  await page.getByText(`Flows with ${from} ${to}`).waitFor();
  await press('Enter');
  await page.getByRole('heading', { name: /^SIP flow/ }).waitFor();
  tell('journey 3, answer');
  expect(counted).toEqual({ clicks: 0, keys: 2, pastes: 1 });
  await press('d');
  // Focused, so that its keys are heard as well.
  await page.locator('p:focus', { hasText: 'Delete it all the same?' }).waitFor();
  await press('Control+Enter');
  // It keeps sending: anything sent before the second look has made a new flow by then.
  await page
    .getByRole('region', { name: 'Result' })
    .getByText(/1 of 1 flow deleted and verified|1 reappeared/)
    .first()
    .waitFor();
  tell('journey 3, fixed');
  expect(counted).toEqual({ clicks: 0, keys: 4, pastes: 1 });
});

it('4: a compromised host is cut off on every gateway, and does not come back', async () => {
  const host = clientAddress(3, 40);
  const { api, lab } = running.system;
  await open('/');
  const { counted, click, press, type, tell } = hands();
  await press('Control+k');
  await page.getByRole('textbox', { name: 'Find' }).waitFor();
  await type(`cut ${host}`);
  await page.getByText(`Cut ${host} everywhere`).waitFor();
  await press('Enter');
  const sheet = page.getByRole('dialog', { name: 'Plan' });
  const confirm = sheet.getByRole('button', { name: 'Block 30 flows on 3 gateways' });
  await confirm.waitFor();
  await sheet.getByText(`Refused: every packet from and to ${host}, for `).waitFor();
  await keepScreenshot(page, 'journey-cut-plan');
  const number = sheet.getByLabel('Number of flows, to confirm');
  if (await number.isVisible()) {
    await click(number);
    await type('30');
  }
  await click(confirm);
  await page.getByRole('heading', { name: /^30 of 30 flows blocked and verified/ }).waitFor();
  tell('journey 4, cut');
  expect(counted.clicks).toBeLessThanOrEqual(4);
  expect(counted.keys).toBeLessThanOrEqual(2 + `cut ${host}`.length + '30'.length);
  const file = page.waitForEvent('download');
  await click(page.getByRole('button', { name: 'CSV' }));
  expect((await file).suggestedFilename()).toMatch(/^flush-.*\.csv$/);
  tell('journey 4, evidence');
  expect(counted.clicks).toBeLessThanOrEqual(5);
  await start(lab!.names.lan(3), 'burst', [host, BLACK_HOLE, '9', '20']);
  await page.getByText('20 packets refused so far').waitFor();
  expect((await api.call(routes.searchFlows, { body: { filter: `host:${host}`, limit: 0 } })).total).toBe(0);
  const blocks = page.getByRole('region', { name: 'Blocked now' });
  await blocks.getByRole('listitem').filter({ hasText: '20 packets' }).getByRole('button', { name: 'Lift' }).click();
  await blocks.getByText('20 packets refused so far').waitFor({ state: 'detached' });
  await start(lab!.names.lan(3), 'burst', [host, BLACK_HOLE, '9', '5']);
  await until(
    'it is let through again',
    async () => (await api.call(routes.searchFlows, { body: { filter: `host:${host}`, limit: 0 } })).total === 5 || undefined,
  );
});

it('an agent whose gateway blocks its controller stays connected, and reports that it let its own channel through', async () => {
  const { api } = running.system;
  const gatewayId = find('milano-gw1').id;
  const plan = await api.call(routes.createPlan, {
    body: {
      filter: `host:${CONTROLLER_ADDRESS}`,
      method: 'block',
      forSeconds: 60,
      scope: { gateways: [gatewayId] },
      reason: 'a slip of the hand',
    },
  });
  expect(plan.gateways).toMatchObject([{ state: 'ready', spared: expect.arrayContaining(['agent channel']) }]);
  const { flushId } = await api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  await until(
    'the gateway has reported it',
    async () => (await api.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' || undefined,
  );
  const [block] = await until('it is listed', async () => {
    const { items } = await api.call(routes.listBlocks, { query: { flush: flushId } });
    return items.length > 0 ? items : undefined;
  });
  await api.call(routes.liftBlock, { params: { id: block!.id } });
  await until(
    'the block is lifted',
    async () => (await api.call(routes.listBlocks, { query: { flush: flushId } })).items.length === 0 || undefined,
  );
  expect((await api.call(routes.getGateway, { params: { id: gatewayId } })).state).toBe('online');
});

it('1 and 5: stale flows after a failed WAN are ended in two clicks, and that becomes a remediation in two more', async () => {
  const { lab, api } = running.system;
  lab!.failWan(1, 1, 'metric');
  const stale = await until(
    'the gateway counts stale flows',
    async () =>
      (await api.call(routes.searchFlows, { body: { filter: 'stale:yes', scope: { gateways: [find('milano-gw1').id] }, limit: 0 } }))
        .total || undefined,
  );
  await open('/');
  const remedy = page.getByRole('button', { name: new RegExp(`^End ${stale} stale flows`) });
  await remedy.waitFor();
  await keepScreenshot(page, 'journey-stale-overview');
  const first = hands();
  await first.click(remedy);
  const sheet = page.getByRole('dialog', { name: 'Plan' });
  const confirm = sheet.getByRole('button', { name: new RegExp(`^Delete ${stale} flows on 1 gateway`) });
  await confirm.waitFor();
  expect(await sheet.getByLabel('Reason').inputValue()).toBe('Flows are stuck on wan1 at Milano after a failover');
  await keepScreenshot(page, 'journey-stale-plan');
  const number = sheet.getByLabel('Number of flows, to confirm');
  if (await number.isVisible()) {
    await first.click(number);
    await first.type(String(stale));
  }
  await first.click(confirm);
  await page.getByRole('heading', { name: `${stale} of ${stale} flows deleted and verified` }).waitFor();
  first.tell('journey 1');
  expect(first.counted.clicks).toBeLessThanOrEqual(3);
  await keepScreenshot(page, 'journey-stale-flush');

  const second = hands();
  await second.click(page.getByRole('link', { name: 'Turn into remediation' }));
  await page.getByText('nothing is wrong with it').waitFor();
  expect(await page.getByRole('radio', { name: /Observe/ }).isChecked()).toBe(true);
  await keepScreenshot(page, 'journey-remediation');
  await second.click(page.getByRole('button', { name: 'Save' }));
  await page.waitForURL(/\/remediations\?at=/);
  second.tell('journey 5');
  expect(second.counted).toEqual({ clicks: 2, keys: 0, pastes: 0 });
  const saved = (await api.call(routes.listRemediations, { query: { limit: 10 } })).items;
  expect(saved).toMatchObject([
    {
      document: {
        mode: 'observe',
        trigger: { kind: 'wan-down' },
        filter: 'stale:yes -state:time-wait,close wan:$wan',
        limits: { maxFlows: Math.max(50, stale * 2) },
      },
    },
  ]);
});

it('6: a nightly clean-up of stuck GRE on tagged gateways, at each site’s local time', async () => {
  const { api } = running.system;
  for (const name of ['milano-gw1', 'porto-gw1'])
    await api.call(routes.updateGateway, { params: { id: find(name).id }, body: { tags: ['tunnels'] } });
  await open('/');
  await page.reload();
  const { counted, click, choose, tell } = hands();
  await click(page.getByRole('link', { name: 'Remediations', exact: true }));
  await click(page.getByRole('button', { name: 'New remediation' }));
  await click(page.getByRole('link', { name: /^Start from this.*Stuck GRE and ESP/ }));
  await choose(page.getByLabel('Only'), 'tag tunnels');
  await page.getByText('2 gateways').waitFor();
  await page.getByRole('heading', { name: 'Europe/Lisbon: Porto' }).waitFor();
  await page.getByRole('heading', { name: 'Europe/Rome: Milano' }).waitFor();
  await click(page.getByRole('button', { name: 'Save' }));
  await page.waitForURL(/\/remediations\?at=/);
  tell('journey 6');
  expect(counted.clicks).toBeLessThanOrEqual(6);
  expect(counted.keys).toBe(0);
  await page.getByText('02:30 daily, each site’s time').waitFor();
  await keepScreenshot(page, 'journey-schedules');
  expect(
    (await api.call(routes.listRemediations, { query: { limit: 10 } })).items.find(({ builtIn }) => builtIn === 'stuck-gre-esp'),
  ).toMatchObject({ document: { scope: { tags: ['tunnels'] }, trigger: { cron: '30 2 * * *', timeZone: 'site' } } });
});

it('8: one command from the console, pasted on three gateways, enrols them at their own sites, and the list fills', async () => {
  const { api, lab } = running.system;
  await open('/settings');
  const many = page.getByRole('region', { name: 'Enrol many gateways' });
  const { counted, click, tell } = hands();
  await click(many.getByLabel('add sites that do not exist'));
  await click(many.getByRole('button', { name: 'Make the command for all' }));
  await click(many.getByRole('button', { name: 'Copy roll-out command' }));
  const command = await many.getByLabel('roll-out command', { exact: true }).innerText();
  for (const n of [1, 2, 3]) paste(lab!.names.gateway(n), { hostname: `branch${n}`, site: `Branch ${n}` }, command);
  for (const n of [1, 2, 3]) await many.getByRole('row', { name: new RegExp(`branch${n} .*Branch ${n} .*joined`) }).waitFor();
  await many.getByText('3 of 200').first().waitFor();
  tell('journey 8, three gateways');
  expect(counted).toEqual({ clicks: 3, keys: 0, pastes: 0 });
  await keepScreenshot(page, 'journey-roll-out');
  const first = await until('each has sent its first sample', async () => {
    const { items } = await api.call(routes.listGateways, { query: { limit: 10 } });
    const joined = items.filter(({ name, state, usage }) => /^branch[123]$/.test(name) && state === 'online' && usage !== undefined);
    return joined.length === 3 ? joined : undefined;
  });
  expect(first.map(({ siteName }) => siteName).toSorted()).toEqual(['Branch 1', 'Branch 2', 'Branch 3']);
});
