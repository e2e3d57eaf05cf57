import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startBrowser, startConsole } from './console-server.ts';
import { startFixtureApi, type FixtureApi } from './fixture-api.ts';
import { id } from './fixture-fleet.ts';

let api: FixtureApi;
let web: { url: string; close(): void };
let address: number;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser complained about: refused scripts and styles, failed hydration, thrown errors. */
let complaints: string[];

/** One console and one browser for all; each test has its own controller on the address that the console knows, and its own session. */
beforeAll(async () => {
  browser = await startBrowser();
  const first = await startFixtureApi();
  web = await startConsole(first.url);
  address = Number(new URL(first.url).port);
  await first.close();
}, 60_000);
afterAll(async () => {
  web?.close();
  await browser?.close();
});

beforeEach(async () => {
  api = await startFixtureApi({ port: address });
  await open('light');
}, 60_000);
afterEach(async () => {
  await context.close();
  await api.close();
});

async function open(colorScheme: 'light' | 'dark'): Promise<void> {
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme, timezoneId: 'Europe/Rome', reducedMotion: 'reduce' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  page = await context.newPage();
  complaints = [];
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('Failed to load resource')) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
}

async function signIn(): Promise<void> {
  await page.request.post(`${web.url}/api/auth/sign-in/email`, { data: { email: 'night@example.net', password: 'correct horse' } });
}

async function connections(query = ''): Promise<void> {
  await signIn();
  await page.goto(`${web.url}/connections${query}`);
  await page.locator('[role="row"][aria-rowindex="2"]').waitFor();
}

describe('signing in', () => {
  test('a page asks for a sign-in first and comes back to itself', async () => {
    await page.goto(`${web.url}/sites?q=lyon`);
    await page.getByLabel('E-mail').fill('night@example.net');
    await page.getByLabel('Password').fill('correct horse');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /gateways up/ }).waitFor();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/sites?q=lyon');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'fixture', httpOnly: true, sameSite: 'Lax' });
  });

  test('a wrong password, a locked account and a controller that is down are told apart', async () => {
    await page.goto(`${web.url}/sign-in`);
    await page.getByLabel('E-mail').fill('night@example.net');
    await page.getByLabel('Password').fill('guess');
    const attempt = async () => { const answered = page.waitForResponse('**/sign-in/email'); await page.getByRole('button', { name: 'Sign in' }).click(); await answered; return page.getByRole('alert').filter({ hasText: /./ }).first().innerText(); };
    expect(await attempt()).toBe('This e-mail and password do not go together.');
    for (let tries = 0; tries < 4; tries++) await attempt();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Too many wrong tries').waitFor();
    expect(await page.getByText('Wait 10 min').count()).toBe(1);
    api.isDown = true;
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The controller does not answer').waitFor();
  });

  test('a session leads to no other site', async () => {
    await page.goto(`${web.url}/sign-in?next=${encodeURIComponent('//evil.example')}`);
    await page.getByLabel('E-mail').fill('night@example.net');
    await page.getByLabel('Password').fill('correct horse');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /needs you first/ }).waitFor();
    expect(new URL(page.url()).origin).toBe(web.url);
  });
});

describe('finding flows', () => {
  test('text that does not parse shows its place and a cure, keeps the rows, and stops every delete', async () => {
    await connections('?filter=proto:udp');
    const before = await page.locator('.foot-bar b').innerText();
    await page.getByRole('combobox', { name: 'Filter' }).fill('dprt:5060');
    expect(await page.locator('.problem-line mark').innerText()).toBe('dprt');
    expect(await page.locator('.foot-bar b').innerText()).toBe(before);
    const remove = page.getByRole('button', { name: /Delete all .* matching/ });
    expect(await remove.getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).searchParams.get('filter')).toBe('proto:udp');
    await page.getByRole('button', { name: 'Write dport' }).click();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => new URL(location.href).searchParams.get('filter') !== 'proto:udp');
    expect(await remove.getAttribute('aria-disabled')).toBe('false');
  });

  test('a mangled filter in the address searches nothing and plans nothing', async () => {
    await signIn();
    await page.goto(`${web.url}/connections?filter=${encodeURIComponent('proto:udp (')}`);
    await page.getByText('Nothing was searched').waitFor();
    for (const button of await page.getByRole('button', { name: /^Delete/ }).all()) expect(await button.getAttribute('aria-disabled')).toBe('true');
  });

  test('arguments of conntrack are converted', async () => {
    await connections();
    await page.getByRole('combobox', { name: 'Filter' }).fill('-p udp -q 203.0.113.7');
    await page.locator('.problem-line button').click();
    await page.getByRole('combobox', { name: 'Filter' }).press('Enter');
    await page.waitForURL('**filter=*');
    expect(new URL(page.url()).searchParams.get('filter')).toBe('proto:udp rdst:203.0.113.7');
  });

  test('a beginner filters by protocol, status, address and port without the grammar, and reload finds the same', async () => {
    await connections();
    await page.getByRole('button', { name: 'Protocol' }).click();
    await page.getByRole('checkbox', { name: 'UDP' }).check();
    await page.keyboard.press('Escape');
    await page.getByLabel('IP or CIDR').fill('10.20.4.0/24');
    await page.keyboard.press('Enter');
    await page.getByLabel('Port', { exact: true }).fill('5060');
    await page.keyboard.press('Enter');
    await page.waitForURL(/port/);
    expect(new URL(page.url()).searchParams.get('filter')).toBe('proto:udp ip:10.20.4.0/24 port:5060');
    await page.locator('[aria-label="Flows"]:not(.stale)').waitFor();
    const found = await page.locator('.foot-bar b').innerText();
    await page.reload();
    await page.locator('[role="row"][aria-rowindex="2"]').waitFor();
    expect(await page.locator('.foot-bar b').innerText()).toBe(found);
  });

  test('who did not answer is named', async () => {
    await connections();
    expect(await page.locator('.answer-line').innerText()).toContain('20 of 21 gateways answered; caen-gw1: offline since 09:12');
  });
});

describe('by keyboard alone', () => {
  test('from an address to a verified flush of exactly the flows that were chosen', async () => {
    await connections(`?tenant=${id(1, 1)}&site=${id(2, 1)}`);
    await page.keyboard.press('/');
    await page.keyboard.type('app:sip');
    await page.keyboard.press('Enter');
    await page.waitForURL('**filter=*');
    await page.locator('[aria-label="Flows"]:not(.stale)').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('combobox', { name: 'Filter' }).blur();
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Shift+X');
    expect(await page.locator('.selbar').innerText()).toContain('3 selected');
    await page.keyboard.press('d');
    const heading = page.getByRole('heading', { name: 'Delete 3 flows on 1 gateway at Milano' });
    await heading.waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
    await page.keyboard.press('Enter');
    expect(await heading.count()).toBe(1);
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/flushes/*');
    await page.getByRole('heading', { name: '3 of 3 flows deleted and verified' }).waitFor({ timeout: 15_000 });
  }, 60_000);

  test('the grid is one tab stop whose arrows reach rows, heads and the sort', async () => {
    await connections('?filter=proto:udp');
    await page.getByRole('grid', { name: 'Flows' }).focus();
    await page.keyboard.press('ArrowDown');
    const active = () => page.getByRole('grid', { name: 'Flows' }).getAttribute('aria-activedescendant');
    expect(await active()).toBe('cell-1-1');
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'Enter']) await page.keyboard.press(key);
    expect(await active()).toBe('cell--1-4');
    await page.waitForURL('**sort=src*');
    expect(await page.locator('#cell--1-4').getAttribute('aria-sort')).toBe('ascending');
    expect(await page.locator(`#${await active()}`).count()).toBe(1);
  });

  test('focus comes back to where a plan was asked from', async () => {
    await connections('?filter=proto:gre');
    const button = page.getByRole('button', { name: /Delete all .* matching/ });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^Delete 20 flows/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: /^Delete 20 flows/ }).waitFor({ state: 'detached' });
    await page.waitForFunction(() => /Delete all/.test(document.activeElement?.textContent ?? ''));
  });
});

describe('ending flows', () => {
  test('many sites ask for the number, and only the right number opens the button', async () => {
    await connections('?filter=proto:gre');
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    const button = page.getByRole('button', { name: 'Delete 20 flows on 20 gateways' });
    await button.waitFor();
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('Number of flows, to confirm').fill('2');
    await page.keyboard.press('Control+Enter');
    expect(new URL(page.url()).pathname).toBe('/connections');
    await page.getByLabel('Number of flows, to confirm').fill('20');
    expect(await button.getAttribute('aria-disabled')).toBe('false');
    expect(await page.getByRole('row', { name: /caen-gw1/ }).first().innerText()).toContain('left out, offline since 08:41');
  });

  test('another reason asks for another plan before anything runs', async () => {
    await connections(`?gateway=${id(3, 1)}&filter=proto:gre`);
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    const remove = page.getByRole('button', { name: 'Delete 1 flow on 1 gateway' });
    await remove.waitFor();
    await page.getByLabel('Reason').fill('GRE stuck after failover');
    expect(await remove.count()).toBe(0);
    await page.getByRole('button', { name: 'Plan again' }).click();
    await remove.waitFor();
    expect(await page.getByLabel('Reason').inputValue()).toBe('GRE stuck after failover');
  });

  test('one flow goes from one button, and protected ones cannot be chosen', async () => {
    await connections(`?gateway=${id(3, 2)}`);
    await page.locator('[role="row"][aria-rowindex="2"]').click();
    expect(await page.getByRole('button', { name: 'Delete this flow' }).getAttribute('aria-disabled')).toBe('true');
    await page.locator('[role="row"][aria-rowindex="5"]').click();
    await page.getByRole('heading', { name: /PPTP flow/ }).waitFor();
    await page.getByRole('button', { name: 'Delete this flow' }).click();
    await page.getByText('1 flow is being deleted on milano-gw2').waitFor();
    await page.getByRole('button', { name: 'See it verified' }).click();
    await page.getByRole('heading', { name: '1 of 1 flow deleted and verified' }).waitFor({ timeout: 10_000 });
  });

  test('a whole table gives the guidance first and has no reason ready', async () => {
    await connections(`?gateway=${id(3, 2)}`);
    await page.getByRole('button', { name: 'Delete all connections…' }).click();
    await page.getByText('Leave it alone if').waitFor();
    expect(await page.getByRole('button', { name: 'Count what would go…' }).getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('Reason').fill('lab reset');
    await page.getByRole('button', { name: 'Count what would go…' }).click();
    await page.getByLabel('Number of flows, to confirm').waitFor();
  });

  test('a viewer reads why a button is grey and who can change that', async () => {
    api.role = 'approver';
    await connections('?filter=proto:gre');
    const button = page.getByRole('button', { name: /Delete all .* matching/ });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await button.hover();
    await page.getByText('Needs the role owner, admin or operator for this tenant; you are approver.').waitFor();
  });
});

describe('what is hostile or missing', () => {
  test('markup in a filter stays text, and no script without the nonce runs', async () => {
    await signIn();
    await page.goto(`${web.url}/sites?q=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
    await page.getByText('No gateway has').waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    const policy = (await page.request.get(`${web.url}/sign-in`)).headers()['content-security-policy']!;
    expect(policy).toMatch(/script-src 'self' 'nonce-[\w+/=]+' 'strict-dynamic'/);
    expect(policy).not.toMatch(/script-src[^;]*unsafe-inline/);
  });

  test('while the controller is away the page keeps what it has and says that it is not live', async () => {
    await signIn();
    await page.goto(web.url);
    await page.getByRole('heading', { name: /needs you first/ }).waitFor();
    await page.getByText('Live', { exact: false }).first().waitFor();
    await api.close();
    await page.getByText('Reconnecting').waitFor();
    expect(await page.getByRole('heading', { name: /needs you first/ }).count()).toBe(1);
    api = await startFixtureApi({ port: address });
    await page.locator('.topitem', { hasText: 'Live' }).waitFor({ timeout: 15_000 });
  }, 40_000);
});

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test('no page has a fault that axe can find, and the browser complains about none', async () => {
    await context.close();
    await open(theme);
    const faults: string[] = [];
    const check = async (name: string) => {
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
      faults.push(...violations.map(({ id: rule, nodes }) => `${name}: ${rule}: ${nodes.slice(0, 3).map((node) => node.target.join(' ')).join(' | ')}`));
    };
    await page.goto(`${web.url}/sign-in`);
    await page.getByLabel('Password').waitFor();
    await check('/sign-in');
    await signIn();
    for (const path of ['/', '/sites', `/gateways/${id(3, 7)}`, `/gateways/${id(3, 13)}`, '/connections', '/flushes', `/audit?entry=${id(7, 40)}`, '/settings']) {
      await page.goto(web.url + path);
      await page.getByRole('heading', { level: 1 }).first().waitFor();
      await page.waitForLoadState('load');
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      await check(path);
    }
    await page.goto(`${web.url}/connections?filter=proto:gre`);
    await page.locator('[role="row"][aria-rowindex="2"]').click();
    await page.getByRole('heading', { name: /PPTP flow/ }).waitFor();
    await check('a flow');
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByRole('heading', { name: /^Delete 20 flows/ }).waitFor();
    await check('a plan');
    await page.getByLabel('Number of flows, to confirm').fill('20');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/flushes/*');
    await page.getByRole('heading', { name: /deleted so far/ }).waitFor();
    await check('a flush');
    expect(faults).toEqual([]);
    expect(complaints).toEqual([]);
  }, 90_000);
});
