import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { launchChromium } from '../support/browser.ts';
import { startConsole } from './console-server.ts';
import { startFixtureApi, type FixtureApi, type FixtureSettings } from './fixture-api.ts';

/** A limit for what never comes: on a busy machine a page may take long. */
const PATIENCE_MS = 60_000;

/**
 * What a browser test runs on: one console and one browser per file; each test has its own controller, at the address that the console
 * knows, its own page and its own session.
 */
export let api: FixtureApi;
export let web: { url: string; close(): void };
export let context: BrowserContext;
export let page: Page;
/** What the browser complained about: refused scripts and styles, failed hydration, thrown errors. */
export let complaints: string[];
let browser: Browser;
let address: number;

beforeAll(async () => {
  browser = await launchChromium();
  context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    timezoneId: 'Europe/Rome',
    reducedMotion: 'reduce',
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  context.setDefaultTimeout(PATIENCE_MS);
  // Kept are the compiled scripts, most of a page's time; what a person leaves behind is not. A new tab has a session storage of its own.
  await context.addInitScript(() => {
    if (sessionStorage.getItem('is-cleared') === null) localStorage.clear();
    sessionStorage.setItem('is-cleared', '');
  });
  const first = await startFixtureApi();
  web = await startConsole(first.url);
  address = Number(new URL(first.url).port);
  await first.close();
});
afterAll(async () => {
  web?.close();
  await browser?.close();
});

beforeEach(async () => {
  await startApi();
  await open();
});
afterEach(async () => {
  await Promise.all(context.pages().map((each) => each.close()));
  await context.clearCookies();
  await api.close();
});

/** Starts the controller again after it was closed. */
export async function startApi(settings: FixtureSettings = {}): Promise<void> {
  api = await startFixtureApi({ ...settings, port: address });
}

/** A new page, for somebody who is not signed in. */
async function open(): Promise<void> {
  page = await context.newPage();
  complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('Failed to load resource')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
}

export async function signIn(): Promise<void> {
  // A kept-alive connection may be closed by the server as it is used again.
  await page.request.post(`${web.url}/api/auth/sign-in/email`, {
    data: { email: 'night@example.net', password: 'correct horse' },
    maxRetries: 2,
  });
}

/** Goes to a path as somebody who is signed in, and waits until the page has loaded everything it asked for. */
export async function goTo(path: string): Promise<void> {
  await signIn();
  await page.goto(web.url + path);
  await untilWhole();
}

/** The same from one page of the console to another, as a link does it: many times as fast as a load. */
export async function visit(path: string): Promise<void> {
  if (!page.url().startsWith(web.url)) return goTo(path);
  await page.evaluate((to) => (window as unknown as { next: { router: { push(path: string): void } } }).next.router.push(to), path);
  await page.waitForURL((url) => url.pathname + url.search === new URL(path, web.url).pathname + new URL(path, web.url).search);
  await untilWhole();
}

async function untilWhole(): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector('main h1') &&
      !document.querySelector('.skeleton') &&
      !document.querySelector('main')!.textContent.includes('still being read'),
  );
}

export async function connections(query = ''): Promise<void> {
  await signIn();
  await page.goto(`${web.url}/connections${query}`);
  await page.locator('[role="row"][aria-rowindex="2"]').waitFor();
}
