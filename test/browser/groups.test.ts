import { expect, test } from 'vitest';
import { api, complaints, goTo, page, visit } from './stage.ts';

const row = (name: RegExp) => page.getByRole('row', { name });

test('a group is made with a role and a member in five clicks, and the people show where the role comes from', async () => {
  await goTo('/people');
  let clicks = 0;
  const click = async (role: 'link' | 'button', name: string) => {
    clicks += 1;
    await page.getByRole(role, { name, exact: true }).click();
  };
  await click('link', 'Groups');
  await page.getByRole('heading', { name: 'Groups' }).waitFor();
  clicks += 1;
  await page.getByLabel('Name', { exact: true }).click();
  await page.keyboard.type('NOC');
  await click('button', 'Add');
  const noc = row(/NOC/);
  await noc.getByText('nobody yet').waitFor();
  clicks += 1;
  await noc.getByRole('combobox', { name: 'Person' }).selectOption('Ada Okafor (ada@example.net)');
  await click('button', 'Add the person to NOC');
  await noc.getByRole('button', { name: 'Take out Ada Okafor from NOC' }).waitFor();
  expect(clicks).toBeLessThanOrEqual(5);
  expect(api.groups.items[1]).toMatchObject({ name: 'NOC', grants: [{ role: 'operator', tenantId: null }], memberCount: 1 });
  await visit('/people');
  await row(/Ada Okafor/)
    .getByText('operator all tenants through group NOC')
    .waitFor();
  expect(complaints).toEqual([]);
});

test('the same goes by keys alone', async () => {
  await goTo('/people/groups');
  await page.getByLabel('Name', { exact: true }).focus();
  await page.keyboard.type('NOC');
  await page.keyboard.press('Enter');
  const person = row(/NOC/).getByRole('combobox', { name: 'Person' });
  await person.focus();
  await page.keyboard.type('Ada');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await row(/NOC/).getByRole('button', { name: 'Take out Ada Okafor from NOC' }).waitFor();
});

test('roles are given and taken but for the last, members come and go, a name changes, and removing asks once more', async () => {
  await goTo('/people/groups');
  await page.getByRole('button', { name: 'Change Night shift' }).click();
  const group = row(/Night shift/);
  await group.getByRole('button', { name: 'Take away approver for Pine Logistics from Night shift' }).hover();
  await page.getByText('A group has a role. Give another first, or remove the group.').waitFor();
  await group.getByRole('combobox', { name: 'Role', exact: true }).selectOption('auditor');
  await group.getByRole('button', { name: 'Give' }).click();
  await group.getByRole('button', { name: 'Take away approver for Pine Logistics from Night shift' }).click();
  await group.getByRole('button', { name: 'Take away approver for Pine Logistics from Night shift' }).waitFor({ state: 'detached' });
  await group.getByRole('button', { name: 'Take out Lars Berg from Night shift' }).click();
  await group.getByText('nobody yet').waitFor();
  await group.getByLabel('New name').fill('Late shift');
  await page.keyboard.press('Enter');
  const renamed = row(/Late shift/);
  await renamed.getByRole('button', { name: 'Remove', exact: true }).click();
  expect(api.groups.items).toMatchObject([{ name: 'Late shift', grants: [{ role: 'auditor', tenantId: null }], members: [] }]);
  await renamed.getByRole('button', { name: 'Remove Late shift, with the roles it gave' }).click();
  await page.getByText('There are none in your tenants.').waitFor();
  expect(complaints).toEqual([]);
});

test('what somebody else changed meanwhile is not overwritten: it is said, shown, and the next try goes', async () => {
  await goTo('/people/groups');
  await page.getByRole('button', { name: 'Change Night shift' }).click();
  const out = row(/Night shift/).getByRole('button', { name: 'Take out Lars Berg from Night shift' });
  await out.waitFor();
  api.groups.items[0]!.revision += 1;
  await out.click();
  await page.getByText('This group has been changed since. Review it again.').waitFor();
  await out.click();
  await row(/Night shift/)
    .getByText('nobody yet')
    .waitFor();
});

test('a role that comes through a group is not taken from the person, and the cure is said', async () => {
  await goTo('/people');
  await page.getByRole('button', { name: 'Change Lars Berg' }).click();
  await page.getByRole('button', { name: 'Take away approver for Pine Logistics from Lars Berg' }).hover();
  await page.getByText('It comes through the group Night shift. Change the group.').waitFor();
  await row(/Lars Berg/)
    .getByRole('link', { name: 'group Night shift' })
    .click();
  await page.getByRole('heading', { name: 'Groups' }).waitFor();
  expect(complaints).toEqual([]);
});

test('who may not change people sees why', async () => {
  api.role = 'operator';
  await goTo('/people/groups');
  await page.getByRole('button', { name: 'Add', exact: true }).hover();
  await page.getByText(/Needs the role owner or admin/).waitFor();
});

test('a group that is open fits the page however long the names are', async () => {
  await goTo('/people/groups');
  await page.getByRole('button', { name: 'Change Night shift' }).click();
  const person = row(/Night shift/).getByRole('combobox', { name: 'Person' });
  await person.waitFor();
  await person
    .locator('option')
    .last()
    .evaluate((option) => {
      option.textContent = 'A very long name of a person '.repeat(8);
    });
  const list = page.locator('.people-list');
  expect(await list.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
});
