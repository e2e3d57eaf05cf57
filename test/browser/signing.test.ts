import { createServer, type AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Plan } from '../../proto/http/plans.ts';
import { routes } from '../../proto/http/routes.ts';
import { addAuthenticator, launchChromium } from '../support/browser.ts';
import { enrol, FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { makePlace, PASSWORD, TestController, type Person } from '../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../support/database.ts';
import { startConsole } from './console-server.ts';

/** On a real controller, and a phone: what a browser signs has to be verified. */
let postgres: TestDatabases;
let controller: TestController;
let web: { close(): void };
let browser: Browser;
let context: BrowserContext;
let page: Page;
let origin: string;
let ann: Person;
let agent: FakeAgent;

beforeAll(async () => {
  postgres = await openTestDatabases();
  const port = await freePort();
  origin = `http://localhost:${port}`;
  controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_PUBLIC_URL: origin });
  ann = await controller.person('ann', [{ role: 'owner', tenantId: null }]);
  await controller.person('ben', [{ role: 'approver', tenantId: null }]);
  const { tenantId, joinToken } = await makePlace(ann, 'Acme', 'gw1');
  await ann.call(routes.updateLimits, { params: { id: tenantId }, body: { flows: 4, approvalsBySignature: true } });
  const authority = controller.root;
  agent = new FakeAgent(await enrol(controller.enrolAddress, authority, joinToken));
  agent.flows = makeFlows(9);
  await agent.connect(controller.linkAddress);
  web = await startConsole(controller.origin, { PORT: String(port) });
  browser = await launchChromium();
  context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, reducedMotion: 'reduce' });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  await addAuthenticator(page);
});
afterAll(async () => {
  agent?.disconnect();
  await browser?.close();
  web?.close();
  await controller?.stop();
  await postgres?.stop();
});

const button = (name: string | RegExp) => page.getByRole('button', { name });
const newPlan = (): Promise<Plan> => ann.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'failover' } });
const linkTo = ({ id }: Plan): string => `${origin}/connections?plan=${id}`;

test('whoever has no passkey is told where to add one, and cannot agree without', async () => {
  const plan = await newPlan();
  await page.goto(`${origin}/sign-in`);
  await page.getByLabel('E-mail').fill('ben@example.net');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/`);
  await page.goto(linkTo(plan));
  await page.getByText('This plan has to be signed with a passkey, and you have none.').waitFor();
  expect(await button(/^Agree/).count()).toBe(0);
  await page.getByRole('link', { name: 'Add one under My account' }).tap();
  await page.getByPlaceholder('work laptop').fill('Phone');
  await page.getByLabel('Your password').first().fill(PASSWORD);
  await button('Add a passkey').click();
  await page.getByLabel('Name of Phone').waitFor();
});

test('from the link it is one tap and the finger: whose passkey signs what is said before, who signed it afterwards', async () => {
  const plan = await newPlan();
  await page.goto(linkTo(plan));
  await page.getByText('Signs with your passkey: ben, Phone.').waitFor();
  await page.getByText('Signed: Delete 9 flows on 1 gateway, plan').waitFor();
  // The authenticator of the test answers the second tap by itself.
  await button('Agree and sign').tap();
  await page.getByText('ben agreed, signed with ben’s passkey').waitFor();
  const { flushId } = await ann.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  await page.goto(`${origin}/flushes/${flushId}`);
  await page.getByText('ben agreed, signed with ben’s passkey').waitFor();
  const [entry] = (await ann.call(routes.listAudit, { query: { action: 'plan.approved' } })).items;
  await page.goto(`${origin}/audit?entry=${entry!.id}`);
  await page.getByText('with passkey Phone; the NDJSON export has it in full').waitFor();
});

test('a gesture that is declined approves nothing, and says so', async () => {
  const plan = await newPlan();
  await page.goto(linkTo(plan));
  await button('Agree and sign').waitFor();
  await page.evaluate(() => {
    navigator.credentials.get = () => Promise.reject(new DOMException('declined', 'NotAllowedError'));
  });
  await button('Agree and sign').tap();
  await page.getByRole('alert').filter({ hasText: 'it was declined, or took too long' }).waitFor();
  expect((await ann.call(routes.getPlan, { params: { id: plan.id } })).approval).toBeUndefined();
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
