import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, connections, goTo, page, visit, web } from './stage.ts';

const TENANT = id(1, 1);
const GATEWAY = id(3, 1);
const PAGES = [
  '/',
  '/sites',
  '/sites?q=nowhere',
  `/gateways/${GATEWAY}`,
  '/gateways/none',
  '/connections',
  '/connections?filter=proto:gre&open=only',
  '/flushes',
  `/audit?entry=${id(7, 39)}`,
  '/settings',
  '/first-run',
  '/remediations',
  `/remediations?at=${id(4, 1)}`,
  '/remediations/new',
  `/remediations/${id(4, 1)}`,
  '/remediations/runs',
  `/remediations/runs?remediation=${id(4, 1)}`,
  `/remediations/runs/${id(4, 101)}`,
  `/remediations/runs/${id(4, 104)}`,
];
const scoped = (path: string) => `${path}${path.includes('?') ? '&' : '?'}tenant=${TENANT}`;
const tenantOf = (url: string) => new URL(url, web.url).searchParams.get('tenant');

/** Every link of the page that stays within the console, except the one that skips the navigation. */
function links(): Promise<string[]> {
  return page
    .locator('a[href^="/"]:not([href^="/api/"])')
    .evaluateAll((all) => [...new Set(all.map((link) => link.getAttribute('href')!))]);
}

describe('a page in scope of one tenant', () => {
  test('has no link that leaves the scope, and neither have the pages those lead to', async () => {
    await connections(scoped(`/connections?gateway=${GATEWAY}&filter=proto:gre`).slice('/connections'.length));
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByRole('button', { name: 'Delete 1 flow on 1 gateway' }).click();
    await page.waitForURL('**/flushes/*');
    const waiting = [...PAGES, new URL(page.url()).pathname].map(scoped);
    const lost: string[] = [];
    // Links to different gateways lead to pages of the same kind: one of each kind is enough.
    const kindOf = (path: string) =>
      [...new URL(path, web.url).searchParams.keys()].toSorted().join() + new URL(path, web.url).pathname.replaceAll(/019ab[\w-]+/g, 'ID');
    const seen = new Set<string>();
    while (waiting.length > 0) {
      const path = waiting.shift()!;
      if (seen.has(kindOf(path))) continue;
      seen.add(kindOf(path));
      await visit(path);
      for (const href of await links()) {
        if (tenantOf(href) === TENANT) waiting.push(href);
        else lost.push(`${path} -> ${href}`);
      }
    }
    expect(lost).toEqual([]);
    expect(seen.size).toBeGreaterThan(PAGES.length);
  }, 600_000);

  test('keeps it under every key and button that leads to another page', async () => {
    await goTo(scoped('/'));
    for (const key of ['1', '2', '3', '4', '5', 'Enter']) {
      await page.keyboard.press(key);
      await page.waitForURL((url) => url.pathname !== '/' && tenantOf(url.href) === TENANT);
      await page.goBack();
      await page.waitForURL((url) => url.pathname === '/');
      await page.getByRole('heading', { name: /needs you first|lost the default route/ }).waitFor();
    }
    for (const [key, path] of [
      ['a', '/alerts'],
      ['s', '/sites'],
      ['c', '/connections'],
      ['r', '/remediations'],
      ['u', '/audit'],
      ['t', '/settings'],
      ['o', '/'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.waitForURL((url) => url.pathname === path && tenantOf(url.href) === TENANT);
    }
    await goTo(scoped('/sites'));
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.pathname.startsWith('/gateways/') && tenantOf(url.href) === TENANT);
    for (const key of [']', ']', '[']) {
      const before = page.url();
      await page.keyboard.press(key);
      await page.waitForURL((url) => url.href !== before);
      expect(tenantOf(page.url())).toBe(TENANT);
    }
    for (const [key, path] of [
      ['Enter', `/remediations/${id(4, 1)}`],
      ['h', '/remediations/runs'],
      ['n', '/remediations/new'],
    ] as const) {
      await visit(scoped(`/remediations?at=${id(4, 1)}`));
      await page.keyboard.press(key);
      await page.waitForURL((url) => url.pathname === path);
      expect(tenantOf(page.url())).toBe(TENANT);
    }
    await goTo(scoped(`/remediations/${id(4, 1)}`));
    await page.getByText('nothing is wrong with it').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL('**/remediations?*');
    expect(tenantOf(page.url())).toBe(TENANT);
  }, 240_000);

  test('shows no flush, run or remediation of another tenant', async () => {
    await connections('?filter=proto:gre');
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByLabel('Number of flows, to confirm').fill('20');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/flushes/*');
    await connections(`?gateway=${id(3, 10)}&filter=proto:udp`);
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByRole('button', { name: /^Delete \d+ flows on 1 gateway/ }).click();
    await page.waitForURL('**/flushes/*');
    await goTo('/flushes');
    expect(await page.locator('tbody tr').count()).toBe(2);
    await goTo(scoped('/flushes'));
    expect(await page.locator('tbody tr').count()).toBe(1);
    api.remediations.runs.push({
      ...api.remediations.runs[0]!,
      id: id(4, 190),
      tenantId: id(1, 2),
      gatewayId: id(3, 10),
      gatewayName: 'lyon-gw1',
    });
    for (const path of ['/remediations', '/remediations/runs']) {
      await goTo(path);
      await page.getByText('on lyon-gw1').first().waitFor();
      await goTo(scoped(path));
      await page.getByText('on milano-gw1').first().waitFor();
      expect(await page.getByText('on lyon-gw1').count()).toBe(0);
    }
  }, 180_000);

  test('the palette says which gateway is outside it, and going there moves the scope along', async () => {
    await goTo(scoped('/'));
    await page.keyboard.press('Control+k');
    await page.keyboard.type('lyon-gw1');
    await page.getByText('Pine Logistics / Lyon, outside of this scope').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/gateways/*');
    expect(tenantOf(page.url())).toBe(id(1, 2));
    await goTo(scoped('/'));
    await page.keyboard.press('Control+k');
    await page.keyboard.type('10.20.4.14');
    await page.getByRole('button', { name: /^Flows with/ }).click();
    await page.waitForURL('**/connections?*');
    expect(tenantOf(page.url())).toBe(TENANT);
  });
});
