import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsersService } from '../../controller/access/users.service.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { freePort } from '../../tools/free-port.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { PASSWORD, TestController } from '../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../support/database.ts';
import { launchChromium } from '../support/browser.ts';
import { startConsole } from './console-server.ts';

/** A real controller on an empty database, set up as docs/operating.md says, with the built console in front of it. */
let postgres: TestDatabases;
let controller: TestController;
let web: { url: string; close(): void };
let browser: Browser;
let page: Page;
let agent: FakeAgent | undefined;

beforeAll(async () => {
  postgres = await openTestDatabases();
  const apiPort = await freePort();
  web = await startConsole(`http://127.0.0.1:${apiPort}`);
  controller = await TestController.start({
    CTFLEET_DATABASE_URL: await postgres.newDatabase(),
    CTFLEET_API_PORT: String(apiPort),
    CTFLEET_PUBLIC_URL: web.url,
  });
  await controller.running.app.get(UsersService).createFirst({ email: 'first@example.net', password: PASSWORD, name: 'First' });
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, timezoneId: 'Europe/Rome', reducedMotion: 'reduce' });
  page.setDefaultTimeout(60_000);
});
afterAll(async () => {
  agent?.disconnect();
  await browser?.close();
  web?.close();
  await controller?.stop();
  await postgres?.stop();
});

async function joinWith(command: string): Promise<FakeAgent> {
  const token = /CTFLEET_JOIN_TOKEN=(\S+)/.exec(command)![1]!;
  const joined = await FakeAgent.join(controller, token);
  await joined.connect(controller.linkAddress);
  return joined;
}

describe('on an empty database', () => {
  test('an administrator gets from the sign-in to the first flows, and each waiting step says what for', async () => {
    await page.goto(web.url);
    await page.getByLabel('E-mail').fill('first@example.net');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'No gateway is enrolled yet' }).waitFor();
    await page.getByRole('link', { name: 'Begin' }).click();
    await page.getByRole('heading', { name: 'From here to the first flows' }).waitFor();
    expect(await page.getByText('waits for').allInnerTexts()).toEqual([
      'waits for the tenant',
      'waits for the site',
      'waits for the gateway',
    ]);
    // Each field has the focus when its step comes.
    await page.getByLabel('Name of the tenant').waitFor();
    await page.keyboard.type('Acme');
    await page.keyboard.press('Enter');
    await page.getByLabel('Name of the site').waitFor();
    await page.keyboard.type('Roma');
    await page.keyboard.press('Enter');
    await page.getByLabel('Name of the gateway').waitFor();
    await page.keyboard.type('roma-gw1');
    await page.keyboard.press('Enter');
    const command = page.getByLabel('enrolment command').first();
    await command.waitFor();
    await page.getByText('waits for the gateway').waitFor();
    agent = await joinWith(await command.innerText());
    await page.getByText('roma-gw1’s table is read every few seconds, and holds no flow yet').waitFor();
    agent.sendSamples(1n, [Sample.fromPartial({ atMs: BigInt(Date.now()), count: 12n, max: 65_536n })]);
    agent.flows = makeFlows(12);
    await page.getByRole('link', { name: 'See its 12 flows' }).click();
    await page.getByText('12 flows match').waitFor();
    expect(new URL(page.url()).searchParams.get('gateway')).toBe(agent.gatewayId);
  });

  test('another tenant takes one form in the settings, whose button says what is missing, and works once nothing is', async () => {
    await page.goto(`${web.url}/settings`);
    const make = page.getByRole('button', { name: 'Make the command', exact: true });
    const choice = (name: RegExp) => page.locator('label', { hasText: name }).locator('select').first();
    const isOff = () => make.getAttribute('aria-disabled');
    await choice(/^Tenant/).selectOption({ label: 'a new tenant…' });
    await page.getByLabel('Gateway name').fill('lyon-gw1');
    await page.getByLabel('Site name').fill('Lyon');
    await make.hover();
    await page.getByText('Name the new tenant first.').waitFor();
    expect(await isOff()).toBe('true');
    await page.getByLabel('Tenant name').fill('Pine');
    expect(await isOff()).toBe('false');
    await make.click();
    await page.getByLabel('enrolment command').first().waitFor();
    expect(
      await choice(/^Tenant/)
        .locator('option')
        .allInnerTexts(),
    ).toEqual(['Acme', 'Pine', 'a new tenant…']);
    expect(await choice(/^Site/).locator('option').allInnerTexts()).toEqual(['Lyon', 'a new site…']);
  });
});
