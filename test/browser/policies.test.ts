import { AxeBuilder } from '@axe-core/playwright';
import type { Locator } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, complaints, goTo, page, visit } from './stage.ts';

const text = () => page.getByRole('textbox', { name: 'Policy as YAML' });
const problems = () => page.locator('#policy-problems li');
const beside = () => page.locator('.beside li');
const button = (name: string) => page.getByRole('button', { name, exact: true });
const OFFICE = id(8, 2);
const BASE = id(8, 1);

describe('the policies', () => {
  test('are listed with their level, what they are for, how many gateways they reach, and who changed them', async () => {
    await goTo('/policies');
    expect(await page.locator('main h1').innerText()).toBe('2 policies');
    const rows = page.locator('.policies tbody tr');
    expect((await rows.nth(0).locator('td').allInnerTexts()).slice(0, 4)).toEqual(['base', 'fleet', 'all gateways', 'the installation']);
    expect((await rows.nth(1).locator('td').allInnerTexts()).slice(0, 2)).toEqual(['office', 'site']);
    await rows.nth(1).getByText('net-policies at 4f2c9e1').waitFor();
    await page.keyboard.press('j');
    await page.waitForURL(`**/policies?at=${OFFICE}`);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/policies/${OFFICE}`);
    expect(complaints).toEqual([]);
  });

  test('of which there is none show an example to begin with', async () => {
    api.savedPolicies.policies.length = 0;
    await goTo('/policies');
    await page.getByRole('heading', { name: 'No policy yet' }).waitFor();
    await page.getByText('kind: TrackingPolicy').waitFor();
    await page.getByRole('link', { name: 'Begin with this example' }).click();
    await page.waitForURL('**/policies/new');
    expect(await text().inputValue()).toContain('name: busy-nat');
  });
});

describe('a policy that is written', () => {
  test('shows a mistake beside its line as it is typed, is previewed and saved: three clicks from the list, or keys alone', async () => {
    let clicks = 0;
    const click = async (name: string) => {
      clicks += 1;
      await button(name).click();
    };
    await goTo('/policies');
    await page.locator('.policies').waitFor();
    await click('New policy');
    await page.waitForURL('**/policies/new');
    await text().fill(
      'apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: mine }\nspec:\n  timeouts: { icmpp: 1m, generic: 5 }\n',
    );
    await beside().getByText('“icmpp” is not known here and 1 more').waitFor();
    const lineOf = async (locator: Locator) => (await locator.boundingBox())!.y;
    expect(Math.abs((await lineOf(beside().first())) - (await lineOf(page.locator('.numbers li.red'))))).toBeLessThan(2);
    expect(await problems().allInnerTexts()).toEqual([
      'line 5, column 15 “icmpp” is not known here; write icmp',
      'line 5, column 35 5 has no unit; write 5s if seconds are meant, or use m, h or d',
    ]);
    const before = await text().boundingBox();
    await page.keyboard.press('Control+Enter');
    expect(page.url()).toContain('/policies/new');
    await text().fill(
      'apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: mine }\nspec:\n  timeouts: { icmp: 10m }\n  helpers: [ftp, sip]\n',
    );
    await problems().first().waitFor({ state: 'detached' });
    expect((await text().boundingBox())!.y).toBe(before!.y);

    await click('Preview on gateways');
    await page.getByText('It would change').waitFor();
    const planned = page.locator('.planned').first();
    await planned.getByText('timeouts.icmp').waitFor();
    expect(await planned.locator('tr', { hasText: 'timeouts.icmp' }).locator('td').allInnerTexts()).toEqual([
      'timeouts.icmp',
      '30 s',
      '10 min',
      'mine, fleet',
    ]);
    await planned.getByText('This kernel has no helper sip').first().waitFor();
    await planned.getByText('icmp is 10m.').first().waitFor();
    await click('Save');
    await page.waitForURL(/\/policies\?at=/);
    await page.getByRole('link', { name: 'mine' }).waitFor();
    expect(clicks).toBe(3);
    expect(complaints).toEqual([]);
  });

  test('is opened, previewed and saved by keys alone', async () => {
    await goTo('/policies');
    await page.keyboard.press('n');
    await page.waitForURL('**/policies/new');
    await text().waitFor();
    await page.keyboard.press('Control+Shift+Enter');
    await page.getByText('It would change').waitFor();
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/\/policies\?at=/);
    await page.getByRole('link', { name: 'busy-nat' }).waitFor();
  });

  test('leads from a problem to its place', async () => {
    await goTo(`/policies/${BASE}`);
    await text().fill('apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: x }\nspec: { helpers: [fpt] }\n');
    await page.getByRole('button', { name: 'line 4, column 19' }).click();
    expect(await text().evaluate((area: HTMLTextAreaElement) => [area.selectionStart, document.activeElement === area])).toEqual([
      84,
      true,
    ]);
  });

  test('that somebody else has saved since is not overwritten unasked', async () => {
    await goTo(`/policies/${BASE}`);
    await text().fill('apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: base }\nspec: { helpers: [sip] }\n');
    api.savedPolicies.policies.find((policy) => policy.id === BASE)!.revision = 7;
    await page.keyboard.press('Control+Enter');
    await page.getByText('Somebody else has saved revision 7 since.').waitFor();
    await button('Save mine over it').click();
    await page.waitForURL(/\/policies\?at=/);
    expect(api.savedPolicies.policies.find((policy) => policy.id === BASE)).toMatchObject({ revision: 8 });
  });

  test('has its revisions with what each changed', async () => {
    await goTo(`/policies/${BASE}`);
    await button('Revision 2').click();
    expect(
      (await page.locator('.diff > span').allInnerTexts()).map((line) => line.trim()).filter((line) => /^(added|removed)/.test(line)),
    ).toEqual([
      expect.stringContaining('icmp: 10s'),
      expect.stringContaining('icmp: 20s'),
      expect.stringContaining('helpers:'),
      expect.stringContaining('- ftp'),
    ]);
  });

  test('by a pipeline is read-only and says by which revision, until it is taken over', async () => {
    await goTo(`/policies/${OFFICE}`);
    await page.getByText('The pipeline net-policies applies it from a file, now at its revision 4f2c9e1').waitFor();
    expect(await text().getAttribute('readonly')).not.toBeNull();
    expect(await button('Save').getAttribute('aria-disabled')).toBe('true');
    await button('Take over').click();
    await button('Take it over until the pipeline runs again').click();
    await page.locator('textarea:not([readonly])').waitFor();
    expect(await button('Take over').count()).toBe(0);
  });

  test('cannot be changed by somebody who only reads', async () => {
    api.role = 'viewer';
    await goTo(`/policies/${BASE}`);
    expect(await text().getAttribute('readonly')).not.toBeNull();
    expect(await button('Save').getAttribute('aria-disabled')).toBe('true');
    await visit('/policies/new');
    await page.getByText('Needs the role owner or admin').waitFor();
  });
});

describe('the tracking of a gateway', () => {
  test('has what policies want beside what is there, and leads to the policy of each value', async () => {
    await goTo(`/gateways/${id(3, 1)}?view=tracking`);
    await page.getByText('3 values, 2 differences').waitFor();
    const cells = (path: string) => page.locator('.effective tr', { hasText: path }).locator('td').allInnerTexts();
    expect(await cells('tcp.established')).toEqual(['timeouts.tcp.established', '2 h', '1 h', 'base by its profile, fleet']);
    expect(await cells('timeouts.icmp')).toEqual(['timeouts.icmp', '20 s', 'the same', 'base, fleet']);
    expect(await cells('helpers')).toEqual(['helpers', 'ftp', 'ftp off nft is missing. Install it.', 'base, fleet']);
    await page.locator('.effective').getByRole('link', { name: 'base, fleet' }).first().click();
    await page.waitForURL(`**/policies/${BASE}`);
  });
});

test('no page of policies has a fault that axe can find, in either theme and at the width of a phone', async () => {
  for (const path of ['/policies', '/policies/new', `/policies/${OFFICE}`]) {
    await goTo(path);
    if (path.endsWith('new')) {
      await text().fill('apiVersion: x\n');
      await problems().first().waitFor();
    }
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await page.locator(`html[data-mantine-color-scheme="${theme}"]`).waitFor();
      expect([path, theme, (await new AxeBuilder({ page }).analyze()).violations]).toEqual([path, theme, []]);
    }
  }
  await page.setViewportSize({ width: 390, height: 800 });
  for (const path of ['/policies', '/policies/new', '/policies/compliance', '/policy-rollouts', `/policy-rollouts/${id(4, 502)}`]) {
    await goTo(path);
    expect([path, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([path, 390]);
  }
});
