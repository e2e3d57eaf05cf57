import { expect, test } from 'vitest';
import { api, complaints, context, goTo, page, web } from './stage.ts';

const section = () => page.getByRole('region', { name: 'Sign-in with a directory' });

test('a directory is added with the role of a group, is tested, and is offered at the sign-in', async () => {
  await goTo('/people');
  await section().getByLabel('Directory').fill('Pine ID');
  await section().getByLabel('Issuer').fill('https://id.pine.example');
  await section().getByLabel('Client id').fill('ctfleet');
  await section().getByLabel('Client secret').fill('a long secret');
  await section().getByRole('button', { name: 'Add' }).click();
  await section().getByText('/callback').waitFor();
  await section().getByRole('button', { name: 'Test' }).click();
  await section().getByText('It answers, and can be used.').waitFor();
  await section().getByLabel('Group').fill('noc');
  await section().getByRole('button', { name: 'Give the role' }).click();
  await section().getByText('is operator of all tenants').waitFor();
  expect(api.providers).toMatchObject([
    { name: 'Pine ID', hasClientSecret: true, groups: [{ group: 'noc', role: 'operator', tenantId: null }] },
  ]);
  await section().getByRole('button', { name: 'Take away operator from noc' }).click();
  await section().getByText('is operator of all tenants').waitFor({ state: 'detached' });

  await context.clearCookies();
  await page.goto(`${web.url}/sign-in?next=%2Fflushes&refused=no-role`);
  await page.getByText('None of your groups has a role here').waitFor();
  const link = page.getByRole('link', { name: 'Sign in with Pine ID' });
  expect(await link.getAttribute('href')).toBe(`/api/auth/oidc/${api.providers[0]!.id}/start?next=%2Fflushes`);
  expect(complaints).toEqual([]);
});

test('a directory is removed with a second click', async () => {
  await goTo('/people');
  await section().getByLabel('Directory').fill('Pine ID');
  await section().getByLabel('Issuer').fill('https://id.pine.example');
  await section().getByLabel('Client id').fill('ctfleet');
  await section().getByRole('button', { name: 'Add' }).click();
  await section().getByRole('button', { name: 'Remove', exact: true }).click();
  expect(api.providers).toHaveLength(1);
  await section().getByRole('button', { name: 'Remove, with the roles it gave' }).click();
  await section().getByText('/callback').waitFor({ state: 'detached' });
  expect(api.providers).toHaveLength(0);
});
