import { createServer, type AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import { PASSWORD, TestController, type Person } from '../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../support/database.ts';
import { addAuthenticator, launchChromium } from '../support/browser.ts';
import { totpOf } from '../support/totp.ts';
import { startConsole } from './console-server.ts';

/** On a real controller: what a browser signs has to be verified. */
let postgres: TestDatabases;
let controller: TestController;
let web: { close(): void };
let browser: Browser;
let context: BrowserContext;
let page: Page;
let origin: string;
let owner: Person;
let aheadMs = 0;

beforeAll(async () => {
  postgres = await openTestDatabases();
  const port = await freePort();
  // A name and not an address: browsers bind passkeys to nothing else.
  origin = `http://localhost:${port}`;
  controller = await TestController.start(
    { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_PUBLIC_URL: origin },
    { clock: () => Date.now() + aheadMs },
  );
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  web = await startConsole(controller.origin, { PORT: String(port) });
  browser = await launchChromium();
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
  context.setDefaultTimeout(60_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  page = await context.newPage();
  await addAuthenticator(page);
});
afterAll(async () => {
  await browser?.close();
  web?.close();
  await controller?.stop();
  await postgres?.stop();
});

const button = (name: string | RegExp) => page.getByRole('button', { name });

async function signOut(): Promise<void> {
  await context.clearCookies();
  await page.goto(`${origin}/sign-in`);
}

test('an invited colleague joins, adds a passkey, and signs in with it in one click', async () => {
  const { made } = await owner.call(routes.invitePerson, {
    body: { name: 'Grace Lim', email: 'grace@example.net', grants: [{ role: 'owner', tenantId: null }] },
  });
  await page.goto(`${origin}/welcome${new URL(made.link!).hash}`);
  await page.getByLabel('New password').fill(PASSWORD);
  await button('Choose it and sign in').click();
  await page.getByRole('link', { name: 'My account' }).click();
  await page.getByRole('heading', { name: 'My account' }).waitFor();
  await page.getByPlaceholder('work laptop').fill('This laptop');
  await page.getByLabel('Your password').first().fill(PASSWORD);
  await button('Add a passkey').click();
  await page.getByLabel('Name of This laptop').waitFor();
  await signOut();
  await button('Use a passkey').click();
  await page.waitForURL(`${origin}/`);
  // With the password alone there is one more step.
  await signOut();
  await page.getByLabel('E-mail').fill('grace@example.net');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
  await button('Use a passkey').click();
  await page.waitForURL(`${origin}/`);
});

test('codes are set up, asked for at the next sign-in, and a recovery code does instead', async () => {
  await page.goto(`${origin}/account`);
  await page.getByLabel('Your password').fill(PASSWORD);
  await button('Set up codes').click();
  const secret = await page.getByLabel('key', { exact: true }).textContent();
  const uri = `otpauth://totp/x?secret=${secret}`;
  await page.getByRole('img', { name: 'Secret for an authenticator app' }).waitFor();
  await page.getByLabel('Code', { exact: true }).fill(totpOf(uri, -1));
  await button('Confirm').click();
  const recovery = (await page.getByLabel('recovery codes', { exact: true }).textContent())!.split('\n');
  expect(recovery).toHaveLength(10);
  for (const [code, isRecovery] of [
    [totpOf(uri), false],
    [recovery[0]!, true],
  ] as const) {
    await signOut();
    await page.getByLabel('E-mail').fill('grace@example.net');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    if (isRecovery) await button('Use a recovery code').click();
    await page.getByLabel(isRecovery ? 'Recovery code' : 'Code of your authenticator app').fill(code);
    await button('Go on').click();
    await page.waitForURL(`${origin}/`);
  }
});

test('what matters asks for a proof in a dialog and then goes on by itself', async () => {
  aheadMs += 301_000;
  await page.goto(`${origin}/people`);
  await page.getByLabel('Name', { exact: true }).fill('Ada Okafor');
  await page.keyboard.press('Tab');
  await page.keyboard.type('ada@example.net');
  await button('Invite').click();
  await page.getByRole('dialog', { name: 'Prove that it is you' }).waitFor();
  expect((await owner.call(routes.listPeople)).items.some(({ email }) => email === 'ada@example.net')).toBe(false);
  await page.getByRole('dialog').getByRole('button', { name: 'Use a passkey' }).click();
  await page.getByText('Send this to Ada Okafor and to nobody else.').waitFor();
});

test('sessions are listed, this one marked, and all others ended', async () => {
  const elsewhere = await controller.person('elsewhere', [{ role: 'viewer', tenantId: null }]);
  await page.goto(`${origin}/account`);
  await page.getByText('this one').waitFor();
  await page.getByText('Chrome on Linux').first().waitFor();
  await button('End all others').click();
  await page
    .getByRole('button', { name: /^End the session/ })
    .first()
    .waitFor({ state: 'detached' });
  expect((await elsewhere.ask(routes.getMe)).status).toBe(200);
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
