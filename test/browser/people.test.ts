import { expect, test } from 'vitest';
import { api, complaints, context, goTo, page, visit, web } from './stage.ts';

test('a colleague is invited in four clicks, joins by the link in two, and is in the list', async () => {
  await goTo('/');
  let clicks = 0;
  const click = async (role: 'link' | 'button', name: string | RegExp) => {
    clicks += 1;
    await page.getByRole(role, { name }).first().click();
  };
  await click('link', 'People');
  await page.getByText('ada@example.net').waitFor();
  clicks += 1;
  await page.getByLabel('Name', { exact: true }).click();
  await page.keyboard.type('Grace Lim');
  await page.keyboard.press('Tab');
  await page.keyboard.type('grace@example.net');
  await click('button', 'Invite');
  await page.getByText('Send this to Grace Lim and to nobody else.').waitFor();
  await click('button', 'Copy link');
  expect(clicks).toBeLessThanOrEqual(4);
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toContain('/welcome#ctfl_');
  await page.getByText('grace@example.net').waitFor();
  expect(complaints).toEqual([]);

  await context.clearCookies();
  await page.goto(`${web.url}/welcome${new URL(link).hash}`);
  await page.getByRole('heading', { name: 'Welcome, Ada Okafor' }).waitFor();
  await page.keyboard.type('short');
  expect(await page.getByRole('button', { name: 'Choose it and sign in' }).getAttribute('aria-disabled')).toBe('true');
  await page.getByLabel('New password').fill('seven quiet herons at dusk');
  await page.getByRole('button', { name: 'Choose it and sign in' }).click();
  await page.waitForURL(`${web.url}/`);
});

test('a link that was used says so, and does not send a stranger to the sign-in in silence', async () => {
  await page.goto(`${web.url}/welcome#ctfl_other`);
  await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
  await page.getByText('This link was used. Ask for a new one.').waitFor();
});

test('roles are given and taken, and somebody is suspended, resumed and removed; removing asks once more', async () => {
  await goTo('/people');
  await page.getByRole('button', { name: 'Change Lars Berg' }).click();
  await page.getByRole('button', { name: 'Take away auditor for Pine Logistics from Lars Berg' }).click();
  await page.getByRole('button', { name: 'Take away auditor for Pine Logistics from Lars Berg' }).waitFor({ state: 'detached' });
  const row = page.getByRole('row', { name: /Lars Berg/ });
  await row.getByLabel('Role').selectOption('operator');
  await row.getByLabel('Tenant').selectOption('Orchard Schools');
  await row.getByRole('button', { name: 'Give' }).click();
  await row.getByText('Orchard Schools').first().waitFor();
  await row.getByRole('button', { name: 'Resume' }).click();
  await row.getByRole('button', { name: 'Suspend' }).click();
  await row.getByText('suspended').waitFor();
  await row.getByRole('button', { name: 'Remove', exact: true }).click();
  await row.getByRole('button', { name: 'Remove Lars Berg for good' }).click();
  await row.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Change night desk' }).click();
  await page.getByRole('button', { name: 'Suspend' }).hover();
  await page.getByText('Another owner has to do this.').waitFor();
  expect(complaints).toEqual([]);
});

test('who may not change people sees why', async () => {
  api.role = 'operator';
  await goTo('/people');
  await page.getByRole('button', { name: 'Invite' }).hover();
  await page.getByText(/Needs the role owner or admin/).waitFor();
});

test('where a mail server is set the link is sent, shown to nobody, and the list says what was not delivered', async () => {
  api.mail = { isSet: true, from: 'ctfleet@example.net', server: { host: 'mail.example.net', port: 587, tls: 'starttls', hasUser: true } };
  await goTo('/people');
  await page.getByText('The link to sign in with is sent to that address by mail.').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Grace Lim');
  await page.getByLabel('E-mail', { exact: true }).fill('grace@example.net');
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByText('A link is on its way to').waitFor();
  expect(await page.getByText('ctfl_').count()).toBe(0);
  const row = page.getByRole('row', { name: /Grace Lim/ });
  await row.getByText('not delivered').waitFor();
  await row.getByText('550 5.1.1 no such user').waitFor();
  await visit('/settings');
  const mail = page.getByRole('region', { name: /Mail/ });
  await mail.getByText('mail.example.net:587').waitFor();
  await mail.getByRole('button', { name: 'Send me a test mail' }).click();
  await mail.getByText('250 2.0.0 taken as 4711').waitFor();
  expect(complaints).toEqual([]);
});

test('a forgotten password is asked for at the sign-in, where mail is sent, and the answer says nothing of who is here', async () => {
  await page.goto(`${web.url}/sign-in`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await page.getByRole('link', { name: 'Forgot your password?' }).count()).toBe(0);
  api.mail = { isSet: true, from: 'ctfleet@example.net' };
  await page.reload();
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.getByRole('heading', { name: 'New password' }).waitFor();
  await page.keyboard.type('nobody@example.net');
  await page.keyboard.press('Enter');
  await page.getByText('a link is on its way there').waitFor();
  await page.getByRole('link', { name: 'Back to the sign-in' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(complaints).toEqual([]);
});
