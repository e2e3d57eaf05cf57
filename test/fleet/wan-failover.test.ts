import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FlowRow } from '../../proto/http/flows.ts';
import { routes } from '../../proto/http/routes.ts';
import { sumOfKinds, wanEventSentence } from '../../proto/model/wan-event.ts';
import { runIn, spawnIn } from '../lab/namespace.ts';
import { BLACK_HOLE, clientAddress, externalAddress, SERVERS } from '../lab/topology.ts';
import { keepScreenshot, launchChromium, signIn } from '../support/browser.ts';
import { startTestSystem, until } from '../support/system.ts';

const WAN1 = externalAddress(1, 1);
const WAN2 = externalAddress(1, 2);
const traffic = (name: string) => path.join(import.meta.dirname, '../lab/traffic', `${name}.ts`);

let running: Awaited<ReturnType<typeof startTestSystem>>;
let browser: Browser;
let page: Page;
const children: ChildProcess[] = [];

beforeAll(async () => {
  running = await startTestSystem({ gateways: 2, withTraffic: false, withConsole: true });
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  page.setDefaultTimeout(60_000);
});
afterAll(async () => {
  children.forEach((child) => child.kill('SIGKILL'));
  await browser?.close();
  await running?.end();
});

/** A program in a namespace whose first line says that it is running; it ends with the system. */
async function startTraffic(namespace: string, name: string, args: string[]): Promise<ChildProcess> {
  const child = spawnIn(namespace, process.execPath, [traffic(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin!.on('error', () => undefined);
  await new Promise((resolve, reject) => {
    child.stdout!.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  return child;
}

/**
 * A trunk that registers ten times a second, so that its next packet comes before the agent looks again; `state` is what it last printed.
 */
function startTrunk(
  namespace: string,
  local: string,
  port: number,
  server = SERVERS[0]!,
): { child: ChildProcess; state: () => { state: string; seenAs?: string } | undefined } {
  const child = spawnIn(namespace, process.execPath, [traffic('trunk'), local, server, '100', String(port)]);
  let last: { state: string; seenAs?: string } | undefined;
  createInterface({ input: child.stdout! }).on('line', (line) => (last = JSON.parse(line) as { state: string; seenAs?: string }));
  return { child, state: () => last };
}

async function flowsOf(filter: string, gateway: string): Promise<FlowRow[]> {
  const answer = await running.system.api.call(routes.searchFlows, { body: { filter, scope: { gateways: [gateway] }, limit: 1000 } });
  expect(answer.gateways.map(({ state }) => state)).toEqual(['answered']);
  return answer.rows;
}

const name = (flow: FlowRow) =>
  `${flow.proto} ${flow.orig.src}:${flow.orig.sport ?? flow.orig.icmp?.id} ${flow.orig.dst}:${flow.orig.dport ?? ''} ${flow.id}`;

it('after a WAN failure leaves a trunk dead on its old address, an operator finds exactly the stale flows and ends them', async () => {
  const { system } = running;
  const lab = system.lab!;
  const gateways = (await system.api.call(routes.listGateways, { query: { limit: 10 } })).items;
  const [first, second] = ['milano-gw1', 'lyon-gw1'].map((wanted) => gateways.find((gateway) => gateway.name === wanted)!) as [
    (typeof gateways)[0],
    (typeof gateways)[0],
  ];

  // Flows without replies live for half a minute; on a busy machine an operator takes longer.
  for (const n of [1, 2]) lab.sysctl(n, 'net.netfilter.nf_conntrack_udp_timeout', 600);
  children.push(await startTraffic(lab.names.inet, 'servers', []));
  children.push(await startTraffic(lab.names.lan(1), 'burst', [clientAddress(1, 40), BLACK_HOLE, '9', '7']));
  children.push(await startTraffic(lab.names.lan(2), 'burst', [clientAddress(2, 40), BLACK_HOLE, '9', '5']));
  const trunk = startTrunk(lab.names.lan(1), clientAddress(1, 5), 5060);
  // One that will not come back, and one that comes back and is not answered.
  const leaving = startTrunk(lab.names.lan(1), clientAddress(1, 8), 5064);
  const unheard = startTrunk(lab.names.lan(1), clientAddress(1, 7), 5062, BLACK_HOLE);
  children.push(trunk.child, leaving.child, unheard.child);
  await until('the trunk is registered through wan1', () => trunk.state()?.seenAs === `${WAN1}:5060` || undefined);
  await until('so is the other', () => leaving.state()?.seenAs === `${WAN1}:5064` || undefined);

  lab.failWan(1, 1, 'metric');
  await until('the trunk is dead: its packets leave by wan2 with wan1’s address', () => trunk.state()?.state === 'down' || undefined);
  leaving.child.kill('SIGKILL');
  const healthy = startTrunk(lab.names.lan(1), clientAddress(1, 6), 5070);
  children.push(healthy.child);
  await until(
    'a trunk that began after the failure is registered through wan2',
    () => healthy.state()?.seenAs === `${WAN2}:5070` || undefined,
  );

  const onWan2 = await flowsOf(WAN2, first.id);
  expect(onWan2.map(name)).toContainEqual(expect.stringContaining(`${clientAddress(1, 6)}:5070`));
  const channel = await flowsOf('dport:4444', first.id);
  expect(channel).toHaveLength(1);
  expect(channel[0]!.protectedBy).toBe('agent channel');
  const untouched = await flowsOf(`src:${clientAddress(2, 40)}`, second.id);
  expect(untouched).toHaveLength(5);
  const stale = await flowsOf('stale:yes', first.id);
  expect(stale).toHaveLength(10);
  expect(new Set(stale.map((flow) => flow.wan))).toEqual(new Set(['wan1']));
  // The agent's own ping is the eleventh.
  expect(
    (await flowsOf(WAN1, first.id))
      .filter((flow) => flow.protectedBy !== 'WAN probe')
      .map(name)
      .toSorted(),
  ).toEqual(stale.map(name).toSorted());
  expect(
    runIn(lab.names.gateway(1), 'conntrack', ['-L'])
      .split('\n')
      .filter((line) => line.includes(`=${WAN1} `) && !line.startsWith('icmp')),
  ).toHaveLength(10);

  const eventOf = async () =>
    (await system.api.call(routes.listWanEvents, { query: { gateway: first.id } })).items.find(({ wan }) => wan === 'wan1');
  const event = await until('the failover is one record, with what uses the WAN', async () => {
    const found = await eventOf();
    const { trying, waiting } = found?.using ?? {};
    return trying && waiting && sumOfKinds(trying) + sumOfKinds(waiting) === stale.length ? found : undefined;
  });
  expect(event).toMatchObject({ state: 'open', failed: 'lost the default route', target: { wan: 'wan2' }, atFirst: expect.anything() });
  expect(event.using!.trying.calls).toBeGreaterThanOrEqual(2);
  const listed = await until('its gateway has it', async () =>
    (await system.api.call(routes.getGateway, { params: { id: first.id } })).wanEvents?.find(({ id }) => id === event.id),
  );
  expect(wanEventSentence(listed, String)).toMatch(
    /^wan1 at .+ lost the default route at .+ live flows still use it, \d of them calls; wan2 /,
  );

  await signIn(page, system.consoleUrl, system.operator);
  await page.goto(`${system.consoleUrl}/connections`);
  await page.getByRole('combobox', { name: 'Filter' }).fill('stale:yes');
  await page.keyboard.press('Enter');
  await page.getByText('10 flows match').waitFor();
  const rows = page.getByRole('grid', { name: 'Flows' }).getByRole('row').filter({ hasText: WAN1 });
  expect(await rows.count()).toBe(10);
  await keepScreenshot(page, 'failover-connections');

  await page.getByRole('button', { name: 'Delete all 10 matching' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByLabel('Reason').fill('wan1 at Milano failed, phones are dead');
  await sheet.getByLabel('Ticket').fill('8841');
  await page.keyboard.press('Enter');
  await sheet.getByRole('heading', { name: 'Delete 10 flows' }).waitFor();
  await keepScreenshot(page, 'failover-plan');
  const countField = sheet.getByLabel('Number of flows, to confirm');
  const confirm = sheet.getByRole('button', { name: /^Delete 10 flows/ });
  if (await countField.isVisible()) await countField.fill('10');
  await confirm.click();

  await page.waitForURL(/\/flushes\//);
  await page.getByRole('heading', { name: '10 of 10 flows deleted' }).waitFor();
  await keepScreenshot(page, 'failover-flush');
  const flushId = new URL(page.url()).pathname.split('/').at(-1)!;
  const flush = await system.api.call(routes.getFlush, { params: { id: flushId } });
  expect(flush).toMatchObject({
    state: 'verified',
    ticket: '8841',
    totals: { planned: 10, deleted: 10, gone: 0, protected: 0, reappeared: 0, failed: 0, indeterminate: 0 },
  });
  expect(flush.targets.map((target) => [target.gatewayName, target.state])).toEqual([['milano-gw1', 'verified']]);

  await until(
    'the trunk is registered through wan2 with its next packet',
    () => trunk.state()?.seenAs === `${WAN2}:5060` || undefined,
    5000,
  );
  const helped = await until('it is told what became of them', async () => {
    const found = await system.api.call(routes.getFlush, { params: { id: flushId } });
    return found.cameBack && found.cameBack.answered.calls > 0 && found.cameBack.back.calls > 1 ? found : undefined;
  });
  // As the phones themselves say: one is registered anew, one hears nothing, one is off.
  expect([trunk.state()?.seenAs, unheard.state()?.state]).toEqual([`${WAN2}:5060`, 'down']);
  expect(helped).toMatchObject({
    wanEventIds: [event.id],
    cameBack: { ended: { calls: 3, udp: 7 }, back: { calls: 2, udp: 0 }, answered: { calls: 1, udp: 0 }, byWan: { wan2: 2 } },
  });
  const missed = helped.cameBack!.missed.filter(({ dport }) => dport === 5060);
  expect(missed.map(({ src, isBack }) => [src, isBack])).toEqual([
    [clientAddress(1, 7), true],
    [clientAddress(1, 8), false],
  ]);
  const healed = await until('the record says so', async () => {
    const found = await eventOf();
    return found?.state === 'healed' && found.cameBack?.answered.calls === 1 ? found : undefined;
  });
  expect(healed).toMatchObject({ id: event.id, actions: [{ kind: 'flush', id: flushId, ended: 10 }] });
  expect(await flowsOf('stale:yes', first.id)).toEqual([]);
  expect((await flowsOf(WAN1, first.id)).map((flow) => flow.protectedBy)).toEqual(['WAN probe']);
  expect((await flowsOf(WAN2, first.id)).map(name)).toEqual(expect.arrayContaining(onWan2.map(name)));
  expect((await flowsOf('dport:4444', first.id)).map(name)).toEqual(channel.map(name));
  expect((await flowsOf(`src:${clientAddress(2, 40)}`, second.id)).map(name)).toEqual(expect.arrayContaining(untouched.map(name)));

  const audit = await system.api.call(routes.listAudit, { query: { flush: flushId } });
  const finished = audit.items.find((entry) => entry.action === 'flush.target-finished')!;
  expect(finished).toMatchObject({
    outcome: 'ok',
    gatewayName: 'milano-gw1',
    reason: 'wan1 at Milano failed, phones are dead',
    ticket: '8841',
  });
  const named = await system.api.call(routes.listAuditFlows, { params: { id: finished.id }, query: { limit: 100 } });
  expect(named.items.map(name).toSorted()).toEqual(stale.map(name).toSorted());
  expect(new Set(named.items.map((flow) => flow.outcome))).toEqual(new Set(['deleted', 'rebuilt']));
  await page.goto(`${system.consoleUrl}/audit`);
  await page.getByText('10 of 10 flows deleted').first().waitFor();
  await keepScreenshot(page, 'failover-audit');
});
