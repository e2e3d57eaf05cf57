import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, complaints, goTo, page } from './stage.ts';

const MILANO = id(3, 1);
const rows = () => page.locator('.compliance > tbody > tr:not(:has(.opened))');
const drift = () => page.getByRole('table', { name: 'Drift of milano-gw1' });
const button = (name: string) => page.getByRole('button', { name, exact: true });

describe('compliance over the fleet', () => {
  test('has a filter with the number of each state, those that need somebody first, and is kept in the address', async () => {
    await goTo('/policies');
    await page.getByRole('navigation', { name: 'About policies' }).getByRole('link', { name: 'Compliance' }).click();
    await page.getByRole('heading', { name: '2 gateways drifted, 1 outdated' }).waitFor();
    const states = page.getByRole('group', { name: 'State' });
    expect((await states.getByRole('button').allInnerTexts()).map((text) => text.replaceAll('\n', ' '))).toEqual([
      '21 all',
      '2 drifted',
      '1 outdated',
      '1 not known',
      '1 changing',
      '13 compliant',
      '3 no policy',
    ]);
    expect(await rows().count()).toBe(21);
    await states.getByRole('button', { name: 'drifted' }).click();
    await page.waitForURL('**/policies/compliance?compliance=drifted');
    await page.waitForFunction(() => document.querySelectorAll('.compliance > tbody > tr').length === 2);
    expect((await rows().nth(0).locator('td').allInnerTexts()).slice(0, 4)).toEqual([
      'milano-gw1 Milano, Harbour Clinics',
      'drifted',
      'Three values are not as “base” has them.',
      'base',
    ]);
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll('.compliance > tbody > tr').length === 21);
    expect(complaints).toEqual([]);
  });

  test('opens a gateway’s drift by a key: what, wanted, actual, since with its zone, and by which process', async () => {
    await goTo('/policies/compliance?compliance=drifted');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**at=${MILANO}`);
    const cells = await drift().locator('tbody tr').first().locator('td').allInnerTexts();
    expect(cells.slice(0, 3)).toEqual(['timeouts.udp.replied', '3m', '10m']);
    expect(cells[3]).toMatch(/^\d+ \w+ 20\d\d, \d\d:\d\d:\d\d UTC\+[12]$/);
    expect(cells[4]).toBe('sysctl (pid 21744)');
    expect(await drift().locator('tr', { hasText: 'rules.guests' }).innerText()).toContain('not known');
    await page.keyboard.press('Enter');
    await drift().waitFor({ state: 'detached' });
  });

  test('sets one value again, and leaves the others as they are; then nothing has drifted there', async () => {
    await goTo(`/policies/compliance?at=${MILANO}`);
    await button('Restore timeouts.udp.replied').click();
    await drift().locator('tr', { hasText: 'timeouts.udp.replied' }).getByText('set again').waitFor();
    await button('Ignore 2 values').click();
    await rows().filter({ hasText: 'milano-gw1' }).getByText('2 ignored, 2 set again').waitFor();
    expect(api.policyStates.states[0]).toMatchObject({
      compliance: 'compliant',
      drift: [{ state: 'over' }, { state: 'ignored' }, { state: 'ignored' }, { state: 'over' }],
    });
    expect(await button('Restore what differs').getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('heading', { name: '1 gateway drifted, 1 outdated' }).waitFor();
  });

  test('can be read by everybody, and resolved only by whoever may roll out', async () => {
    api.role = 'viewer';
    await goTo(`/policies/compliance?at=${MILANO}`);
    await drift().waitFor();
    for (const name of ['Restore 3 values', 'Ignore 3 values', 'Restore helpers', 'Adopt as policy'])
      expect([name, await button(name).getAttribute('aria-disabled')]).toEqual([name, 'true']);
  });
});

describe('a gateway', () => {
  test('says on its own page how it stands, since when, and how many values drifted', async () => {
    await goTo(`/gateways/${MILANO}?view=tracking`);
    const line = page.locator('.standing-line');
    await line.getByText(/^in force since \d+ \w+ 20\d\d, [\d:]+ UTC\+[12]$/).waitFor();
    await line.getByText('drifted', { exact: true }).waitFor();
    await line.getByRole('link', { name: '3 values differ, 1 set again' }).click();
    await drift().waitFor();
  });

  test('that somebody set by hand becomes a policy in two clicks, under a name that is free', async () => {
    let clicks = 0;
    const click = async (role: 'link' | 'button', name: string) => {
      clicks += 1;
      await page.getByRole(role, { name, exact: true }).click();
    };
    await goTo(`/gateways/${MILANO}?view=tracking`);
    await click('link', 'Adopt as policy');
    await page.getByRole('heading', { name: 'New policy, as milano-gw1 is set to' }).waitFor();
    await page.getByText('3 values differ from the policy in force there: timeouts.udp.replied, helpers, rules.guests').waitFor();
    await page.getByText('A rule of ip raw PREROUTING exempts traffic from tracking').waitFor();
    expect(await page.getByRole('combobox', { name: 'For' }).inputValue()).toBe(`gateway:${MILANO}`);
    expect(await page.getByLabel('udp.replied', { exact: true }).inputValue()).toBe('10m');
    await click('button', 'Save');
    await page.waitForURL(/\/policies\?at=/);
    expect(clicks).toBe(2);
    expect(api.savedPolicies.policies.at(-1)).toMatchObject({ name: 'milano-gw1', target: { level: 'gateway', gatewayId: MILANO } });
    await goTo(`/policies/new?adopt=${MILANO}`);
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('milano-gw1-2');
    await page.getByText('milano-gw1 is for this gateway already.').waitFor();
    expect(complaints).toEqual([]);
  });
});
