import { expect, it } from 'vitest';
import { api, goTo, page, visit } from './stage.ts';

const section = () => page.getByRole('region', { name: /Authority/ });
const button = (name: string | RegExp) => section().getByRole('button', { name });

it('the authority is replaced in phases, each with a way back, and retiring it first names who would be left behind', async () => {
  await goTo('/settings');
  await section().getByText('nothing is being replaced').waitFor();
  await section().getByText('CN=ctfleet intermediate 1').waitFor();
  await button('Prepare a new authority').click();
  // One click changes nothing.
  await button('Cancel').click();
  await section().getByText('nothing is being replaced').waitFor();
  await button('Prepare a new authority').click();
  await button('Make a new root, trusted beside this one').click();
  await section().getByText('signs nothing yet').waitFor();
  await button('Back').click();
  await button('Take the last step back').click();
  await section().getByText('nothing is being replaced').waitFor();
  await button('Prepare a new authority').click();
  await button('Make a new root, trusted beside this one').click();
  await button('Switch to the new one').click();
  await button('Let the new one sign').click();
  await section().getByText('The new authority signs').waitFor();
  expect(await section().getByRole('alert').count()).toBe(0);
  await button('Retire the old one').click();
  await section().getByText('12 gateways have not renewed').waitFor();
  expect(await section().getByRole('alert').textContent()).toContain('asleep-gw1, asleep-gw2');
  await section().getByText('2 unused join tokens').waitFor();
  // Two clicks on one place, or the wrong number, leave nobody behind.
  const confirm = button('End trust in the old one, without 12 gateways');
  await confirm.click({ clickCount: 2, force: true });
  await section().getByLabel('Gateways to leave behind').fill('2');
  await confirm.click({ force: true });
  expect(await confirm.getAttribute('aria-disabled')).toBe('true');
  await section().getByText('The new authority signs').waitFor();
  await section().getByLabel('Gateways to leave behind').fill('12');
  await confirm.click();
  await section().getByText('nothing is being replaced').waitFor();
}, 120_000);

it('a certificate of the authority that ends soon is on the overview with what to do, and leads to Settings', async () => {
  await goTo('/settings');
  await section().getByText('replaced by itself at half of its life').waitFor();
  const remedy = 'The root’s key was removed from here. Prepare a new root.';
  const endsAt = new Date(Date.now() + 20.5 * 86_400_000).toISOString();
  api.ends = [{ kind: 'intermediate', name: 'CN=ctfleet intermediate 1', endsAt, isReplacedByItself: false, remedy }];
  await page.reload();
  await section().getByText(remedy).waitFor();
  await visit('/');
  const list = page.getByRole('list', { name: 'Certificates that end soon' });
  await list.getByText(remedy).waitFor();
  expect(await list.textContent()).toContain('20 d');
  await list.getByRole('link', { name: 'Open the authority' }).click();
  await section().getByText(remedy).waitFor();
}, 120_000);
