import { expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, complaints, goTo, page } from './stage.ts';

const copied = () => page.evaluate(() => navigator.clipboard.readText());

test('a service account is added with some actions of a role, and its secret is shown once, to copy', async () => {
  await goTo('/people');
  await page.getByRole('link', { name: 'Service accounts' }).click();
  await page.getByText('scrapes /metrics').waitFor();
  expect(await page.getByRole('button', { name: 'Add', exact: true }).getAttribute('aria-disabled')).toBe('true');
  await page.getByLabel('Name', { exact: true }).fill('backup');
  await page.getByLabel('Purpose').fill('exports the audit trail');
  await page.getByRole('combobox', { name: 'Role', exact: true }).selectOption('auditor');
  await page.getByRole('combobox', { name: 'Tenant', exact: true }).selectOption('Pine Logistics');
  await page.getByText('May do all that the role auditor allows; choose only some').click();
  await page.getByLabel('audit.read').check();
  await page.getByLabel('Days').fill('30');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('it is shown only here').waitFor();
  await page.getByRole('button', { name: 'Copy secret' }).click();
  expect(await copied()).toBe('ctfs_first');
  const row = page.getByRole('row', { name: /backup/ });
  await row.getByText('only audit.read').waitFor();
  await row.getByText('never').waitFor();
  expect(api.serviceAccounts.items[1]).toMatchObject({ name: 'backup', role: 'auditor', actions: ['audit.read'] });
  await page.reload();
  await row.waitFor();
  expect(await page.getByText('ctfs_first').count()).toBe(0);
  expect(complaints).toEqual([]);
});

test('a secret is rotated with both valid for a while, and the earlier is ended', async () => {
  await goTo('/people/service-accounts');
  const row = page.getByRole('row', { name: /prometheus/ });
  await row.getByRole('button', { name: 'Change prometheus' }).click();
  await row.getByLabel('Earlier secret works for hours').fill('48');
  await row.getByRole('button', { name: 'New secret' }).click();
  await row.getByText('it is shown only here').waitFor();
  await row.getByRole('button', { name: 'Copy secret' }).click();
  expect(await copied()).toBe('ctfs_second');
  await row.getByText(/earlier secret until/).waitFor();
  await row.getByRole('button', { name: 'New secret' }).hover();
  await page.getByText('Two secrets are valid at most').waitFor();
  await row.getByRole('button', { name: 'End the earlier secret' }).click();
  await row.getByText(/earlier secret until/).waitFor({ state: 'detached' });
  expect(complaints).toEqual([]);
});

test('one is suspended, resumed, given another year and removed, which asks once more', async () => {
  await goTo('/people/service-accounts');
  const row = page.getByRole('row', { name: /prometheus/ });
  await row.getByRole('button', { name: 'Change prometheus' }).click();
  await row.getByRole('button', { name: 'Suspend' }).click();
  await row.getByText('suspended').waitFor();
  await row.getByRole('button', { name: 'Resume' }).click();
  await row.getByText('active').waitFor();
  await row.getByRole('button', { name: 'A year from now' }).click();
  await row.getByRole('button', { name: 'Remove', exact: true }).click();
  expect(api.serviceAccounts.items).toHaveLength(1);
  await row.getByRole('button', { name: 'Remove prometheus for good' }).click();
  await page.getByText('There are none in your tenants.').waitFor();
  expect(complaints).toEqual([]);
});

test('one gets another name, purpose and role, and keeps of its actions what the role allows; all of the role is said before', async () => {
  await goTo('/people/service-accounts');
  await page
    .getByRole('row', { name: /prometheus/ })
    .getByRole('button', { name: 'Change prometheus' })
    .click();
  const row = page.getByRole('row', { name: /metrics/ });
  await row.getByLabel('New name').fill('grafana');
  await row.getByLabel('New purpose').fill('draws /metrics');
  await row.getByRole('combobox', { name: 'Role', exact: true }).selectOption('operator');
  await row.getByText('May do only metrics.read').waitFor();
  await row.getByRole('button', { name: 'Save', exact: true }).click();
  await row.getByText('grafana').first().waitFor();
  expect(api.serviceAccounts.items[0]).toMatchObject({
    name: 'grafana',
    purpose: 'draws /metrics',
    role: 'operator',
    actions: ['metrics.read'],
    tenantId: id(1, 1),
  });
  await row.getByRole('combobox', { name: 'Role', exact: true }).selectOption('approver');
  await row.getByRole('button', { name: 'Save, with all that the role approver allows' }).click();
  await row.getByText('only metrics.read').waitFor({ state: 'detached' });
  expect(api.serviceAccounts.items[0]!.actions).toBeUndefined();
  expect(complaints).toEqual([]);
});

test('who may not change people sees why', async () => {
  api.role = 'operator';
  await goTo('/people/service-accounts');
  await page.getByRole('button', { name: 'Add', exact: true }).hover();
  await page.getByText(/Needs the role owner or admin/).waitFor();
});
