import { expect, test } from 'vitest';
import { api, complaints, goTo, page } from './stage.ts';

test('a roll-out is one command and a list that fills, in three clicks', async () => {
  await goTo('/settings');
  const many = page.getByRole('region', { name: 'Enrol many gateways' });
  await many.getByRole('button', { name: 'Make the command for all' }).click();
  await many.getByText('with SITE set to the name of its site').waitFor();
  expect(await many.getByLabel('roll-out command').first().innerText()).toContain('CTFLEET_JOIN_TOKEN=');
  await many.getByText('Nobody has asked yet.').waitFor();
  for (let number = 1; number <= 37; number++) api.rollouts.ask(`branch${number}`);
  await many.getByText('37 of 200').first().waitFor();
  await many.getByRole('row', { name: /branch37 .* 198\.51\.100\.37 .* joined/ }).waitFor();
  await many.getByRole('button', { name: 'Take back {hostname}' }).click();
  await many.getByText('revoked').waitFor();
  expect(complaints).toEqual([]);
});

test('a form that could not name its gateways says so before it is sent', async () => {
  await goTo('/settings');
  const many = page.getByRole('region', { name: 'Enrol many gateways' });
  await many.getByRole('textbox', { name: 'Names' }).fill('gateway');
  await many.getByRole('button', { name: 'Make the command for all' }).hover();
  await page.getByText('gives every gateway the same name; use {hostname} or {n}').waitFor();
});

test('those that await approval are compared and decided with four keys; one that comes in meanwhile moves no mark', async () => {
  await goTo('/settings');
  const many = page.getByRole('region', { name: 'Enrol many gateways' });
  await many.getByLabel('approve each by its fingerprint').check();
  await many.getByRole('button', { name: 'Make the command for all' }).click();
  await many.getByText('Nobody has asked yet.').waitFor();
  const [first, second] = [api.rollouts.ask('branch1'), api.rollouts.ask('branch2')];
  await many.getByText(first.fingerprint).waitFor();
  await many.getByRole('heading').click();
  await page.keyboard.press('j');
  await many.locator('tr[aria-current]', { hasText: second.fingerprint }).waitFor();
  const third = api.rollouts.ask('branch3');
  await many.getByText(third.fingerprint).waitFor();
  await page.keyboard.press('a');
  await many.getByRole('row', { name: /branch2 .* approved/ }).waitFor();
  await many.locator('tr[aria-current]', { hasText: third.fingerprint }).waitFor();
  await page.keyboard.press('k');
  await many.locator('tr[aria-current]', { hasText: first.fingerprint }).waitFor();
  await page.keyboard.press('x');
  await many.getByRole('row', { name: /branch1 .* refused/ }).waitFor();
  expect(api.rollouts.enrolments.map(({ state }) => state)).toEqual(['waiting', 'approved', 'refused']);
});
