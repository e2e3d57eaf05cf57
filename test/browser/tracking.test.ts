import { AxeBuilder } from '@axe-core/playwright';
import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, complaints, goTo, page, visit } from './stage.ts';

const GATEWAY = `/gateways/${id(3, 1)}`;
const TRACKING = `${GATEWAY}?view=tracking`;
const row = (name: string, group = 'Timeouts of TCP') =>
  page
    .locator('.settings tbody', { has: page.getByRole('rowheader', { name: group }) })
    .locator('tr', { has: page.getByRole('button', { name, exact: true }) });

describe('the tracking of a gateway', () => {
  test('shows each setting with its value beside the default, and which cannot be set here', async () => {
    await goTo(TRACKING);
    expect(await row('established').locator('td').allInnerTexts()).toEqual(['established', '1 h', '5 d']);
    expect(await row('timeWait').locator('.strong').innerText()).toBe('30 s');
    expect(await row('finWait').locator('.strong').count()).toBe(0);
    expect(await row('accounting', 'Switches').locator('td').allInnerTexts()).toEqual(['accounting', 'on', 'off']);
    await row('max', 'Table').getByRole('img', { name: 'cannot be set here' }).waitFor();
    await page.getByText('max, buckets cannot be set here: it is one value for the whole machine').waitFor();
    expect(complaints).toEqual([]);
  });

  test('is reached by a key, and guidance on a setting by the next, without anything moving', async () => {
    await goTo(GATEWAY);
    await page.keyboard.press('v');
    await page.waitForURL(`**${TRACKING}`);
    await row('established').waitFor();
    const before = await row('established').boundingBox();
    for (let n = 0; n < 4; n++) await page.keyboard.press('j');
    await page.getByRole('status').getByText('nf_conntrack_timestamp').waitFor();
    await page.getByText('Keeps when a connection began, for those that begin from now on.').waitFor();
    await page.keyboard.press('k');
    await page.getByText('Counts packets and bytes of connections that begin from now on.').waitFor();
    expect(await row('established').boundingBox()).toEqual(before);
    await page.keyboard.press('v');
    await page.getByText('Top sources').waitFor();
  });

  test('names everybody’s rules with their place, what exempts from tracking first, and those that cannot be decoded', async () => {
    await goTo(TRACKING);
    const rules = page.locator('.told').first().locator('li');
    expect((await rules.allInnerTexts()).map((text) => text.split('\n')[0])).toEqual([
      'Not tracked “trunk, do not touch”',
      'More than 20 connections of a source',
      'What belongs to no connection: dropped',
    ]);
    await rules.first().getByText('ip raw PREROUTING, rule 2').waitFor();
    await rules.first().getByText('prerouting at raw (−300)').waitFor();
    await rules.first().getByRole('button', { name: 'Copy nft -a list chain ip raw PREROUTING' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('nft -a list chain ip raw PREROUTING');
    await page.getByRole('heading', { name: 'Rules that cannot be decoded' }).waitFor();
    await page.getByText('inet vpn passing, rule 1').waitFor();
  });

  test('says why there is no entry for some traffic, by the keyboard alone', async () => {
    await goTo(TRACKING);
    await page.getByRole('textbox', { name: 'Source address' }).fill('10.1.0.5');
    await page.keyboard.press('Tab');
    await page.keyboard.type('198.51.100.10');
    await page.keyboard.press('Tab');
    await page.keyboard.type('5060');
    await page.keyboard.press('Enter');
    await page.getByText('Not tracked: a rule exempts it').waitFor();
    await page.getByText('At prerouting, by ip raw PREROUTING handle 9').waitFor();
    await page.getByRole('textbox', { name: 'Destination port' }).fill('53');
    await page.keyboard.press('Enter');
    await page.getByText('in by lan, out by wan1').waitFor();
    await page.getByRole('textbox', { name: 'Destination address' }).fill('nowhere');
    await page.keyboard.press('Enter');
    await page.getByText('Write the address that it goes to.').waitFor();
  });

  test('of a gateway that cannot be asked says so and why, and a reading stays while the next one fails', async () => {
    const offline = api.gateways.find(({ state }) => state === 'offline')!;
    await goTo(`/gateways/${offline.id}?view=tracking`);
    await page.getByText('The gateway cannot be asked').waitFor();
    await page.getByText('offline since 2026-11-30 14:02 UTC.').waitFor();
    await visit(TRACKING);
    await row('established').waitFor();
    Object.assign(
      api.gateways.find((gateway) => gateway.id === id(3, 1))!,
      { state: 'offline' },
    );
    await page.keyboard.press('r');
    await page.getByText('The gateway cannot be asked').waitFor();
    await page.locator('.tracking.stale').waitFor();
    expect(await row('established').count()).toBe(1);
  });

  test('lists what helpers expect, with whoever expects it, and deletes what is selected, by the keyboard alone', async () => {
    await goTo(TRACKING);
    const rows = page.locator('.expectations tbody tr');
    await rows.first().waitFor();
    expect((await rows.allInnerTexts()).map((text) => text.trim().split(/\s*\t\s*/))).toEqual([
      ['tcp 198.51.100.21 to 10.1.0.40:50123', 'tcp 10.1.0.40:41000 to 198.51.100.21:21', 'ftp', '5 min'],
      ['udp 198.51.100.10 to 10.1.0.60:4000', 'udp 10.1.0.60:5060 to 198.51.100.10:5060', 'sip', '3 min'],
      ['tcp 2001:db8:113::21 to [fd00:1:1::40]:50200 zone 7', 'tcp [fd00:1:1::40]:41002 to [2001:db8:113::21]:21', 'ftp', '12 s'],
      ['gre 198.51.100.30 call 64475 to 10.1.0.70 call 4242', 'tcp 10.1.0.70:41010 to 198.51.100.30:1723', 'pptp', 'as long as its flow'],
    ]);
    const reason = page.getByRole('textbox', { name: 'Reason' });
    // Focus scrolls: measured from the heading.
    const below = async () =>
      (await reason.boundingBox())!.y - (await page.getByRole('heading', { name: 'Expectations' }).boundingBox())!.y;
    const before = await below();
    await page.getByRole('checkbox', { name: 'Select tcp 198.51.100.21 to 10.1.0.40:50123' }).focus();
    await page.keyboard.press('Space');
    await page.getByRole('checkbox', { name: 'Select udp 198.51.100.10 to 10.1.0.60:4000' }).focus();
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Delete 2' }).waitFor();
    expect(await below()).toBe(before);
    await reason.focus();
    await page.keyboard.press('Enter');
    expect(api.expectations).toHaveLength(4);
    await page.keyboard.type('the call is over');
    await page.keyboard.press('Enter');
    await page.getByText('2 expectations deleted, and gone when read again').waitFor();
    expect(api.expectations.map(({ id: one }) => one)).toEqual([13, 14]);
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await page.getByRole('button', { name: 'Delete 2' }).click();
    await page.getByText('No helper waits for a connection now').waitFor();
    await page.getByText('2 expectations deleted, and gone when read again').waitFor();
    expect(complaints).toEqual([]);
  });

  test('of helpers is told with the reason where they cannot be asked, and is for whoever may run plans to delete', async () => {
    api.role = 'viewer';
    await goTo(TRACKING);
    await page.getByText(/Needs the role .* for this tenant; you are viewer/).waitFor();
    api.role = 'approver';
    await page.reload();
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('not mine to say');
    await page.keyboard.press('Enter');
    const button = page.getByRole('button', { name: 'Delete 4' });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await button.hover();
    await page.getByText(/Needs the role .* you are approver/).waitFor();
    expect(api.expectations).toHaveLength(4);
    Object.assign(
      api.gateways.find((gateway) => gateway.id === id(3, 1))!,
      { state: 'offline' },
    );
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Expectations' }).click();
    await page.keyboard.press('r');
    await page.getByText('Helpers could not be asked').waitFor();
    expect(await page.locator('.expectations tbody tr').count()).toBe(4);
  });

  test('has no fault that axe can find, in either theme and at the width of a phone', async () => {
    await goTo(TRACKING);
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await page.locator(`html[data-mantine-color-scheme="${theme}"]`).waitFor();
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    }
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  });
});
