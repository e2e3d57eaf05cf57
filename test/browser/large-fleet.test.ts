import { expect, test } from 'vitest';
import { moreGateways } from './fixture-fleet.ts';
import { api, complaints, goTo, page } from './stage.ts';

const ROWS = 'table.sites tbody tr';

test('a fleet of hundreds shows how many tables are how full by tenant, and those that need somebody first', async () => {
  const few = api.gateways.length;
  api.gateways.push(...moreGateways(Date.now(), 600));
  await goTo('/');
  await page.getByRole('heading', { name: /^lyon-gw1 needs you first/ }).waitFor();
  await page.getByRole('heading', { name: 'Table used, gateways by %' }).waitFor();
  expect(await page.locator('.tiles').count()).toBe(0);
  expect(await page.getByRole('img', { name: /^Harbour Clinics: .* need someone$/ }).count()).toBe(1);
  expect(await page.locator('.counters .v').first().textContent()).toContain(`of ${few + 600}`);
  expect(complaints).toEqual([]);
});

test('Sites shows a hundred gateways at a time, finds among all, and names those that need somebody', async () => {
  const few = api.gateways.length;
  api.gateways.push(...moreGateways(Date.now(), 150));
  await goTo('/sites');
  expect(await page.locator(ROWS).count()).toBe(100);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText(`101 to ${few + 150} of ${few + 150} gateways`).waitFor();
  await page.getByPlaceholder('Tenant, site, gateway or tag').fill('more-gw149');
  await page.waitForFunction((rows) => document.querySelectorAll(rows).length === 1, ROWS);
  expect(await page.locator(ROWS).textContent()).toContain('more-gw149');
  await goTo('/sites?needs=attention');
  expect(await page.locator(ROWS).count()).toBeLessThan(10);
  await page.getByRole('button', { name: 'Only those that need someone: show all' }).click();
  await page.waitForFunction((rows) => document.querySelectorAll(rows).length === 100, ROWS);
});

test('what changes while it is looked at is shown without a reload, and what is old is said to be', async () => {
  await goTo('/');
  const gateway = api.gateways.find(({ name }) => name === 'genova-gw2')!;
  Object.assign(gateway, { state: 'set-aside', setAsideReason: 'two agents' });
  await page.getByRole('heading', { name: 'genova-gw2 needs you first: two agents hold its identity' }).waitFor();
  expect(await page.getByText('newer is not known').count()).toBe(0);
  api.isOld = true;
  await page.getByText('newer is not known').waitFor();
});
