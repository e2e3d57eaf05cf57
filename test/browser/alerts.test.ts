import { expect, test } from 'vitest';
import { keepScreenshot } from '../support/browser.ts';
import { id } from './fixture-fleet.ts';
import { api, goTo, page, visit } from './stage.ts';

const SENTENCE = /WAN1 at Milano lost the default route at .+; 208 live flows still use it, 40 of them calls; WAN2 is healthy/;

test('alerts are listed by place, the worst first, with what follows from them counted and not listed again', async () => {
  await goTo('/alerts');
  await page.getByRole('heading', { level: 1, name: '2 critical' }).waitFor();
  expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual(
    expect.arrayContaining([expect.stringMatching(/^Milano, /)]),
  );
  expect(await page.locator('table.alerts tbody tr').count()).toBe(2);
  await page.getByText('and 1 consequence').waitFor();
  await page.getByRole('button', { name: 'Show cleared ones too' }).click();
  await page.getByText('79 % full').waitFor();
});

test('from the list of alerts, flows are ended in three clicks: by the filter of the fix, all that it counts but one protected', async () => {
  await goTo('/alerts');
  await page.evaluate(() =>
    addEventListener('click', () => (document.body.dataset.clicks = String(Number(document.body.dataset.clicks ?? 0) + 1)), true),
  );
  await page.getByRole('link', { name: /^WAN1 at Milano/ }).click();
  await page.getByText(SENTENCE).first().waitFor();
  const fix = page.getByRole('button', { name: /^End stale flows of WAN1 \(\d+ now\)/ });
  const counted = Number(/\((\d+) now\)/.exec(await fix.innerText())![1]);
  await fix.click();
  const sheet = page.getByRole('dialog');
  await sheet.getByText(SENTENCE).first().waitFor();
  await sheet.getByText('1 protected, left out').waitFor();
  await sheet.getByRole('button', { name: `Delete ${counted - 1} flows on 1 gateway` }).click();
  await page.waitForURL('**/flushes/*');
  expect(await page.locator('body').getAttribute('data-clicks')).toBe('3');
  expect(api.flushes[0]).toMatchObject({
    filter: 'stale:yes wan:wan1',
    totals: { planned: counted - 1 },
    targets: [{ gatewayName: 'milano-gw1' }],
  });
});

test('an alert is acknowledged by a key, noted and silenced, and says who did it', async () => {
  await visit(`/alerts/${id(0, 1303)}`);
  await page.getByText('10.3.0.17 has 81,000').waitFor();
  await page.keyboard.press('Shift+K');
  await page.getByText('night desk acknowledged it').waitFor();
  await page.getByLabel('Note').fill('called the site');
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.getByText('night desk noted: called the site').waitFor();
  await page.getByRole('button', { name: 'Silence for 1 h' }).click();
  await page.getByRole('button', { name: 'End its silence' }).waitFor();
  expect(api.alerts.alerts[2]).toMatchObject({ state: 'silenced' });
});

test('one failover is told in the same words by overview, gateway, sites, alert, run, plan and flush', async () => {
  Object.assign(api.remediations.runs[0]!, { wanEventId: id(0, 1401) });
  for (const path of ['/sites', `/alerts/${id(0, 1301)}`, `/remediations/runs/${api.remediations.runs[0]!.id}`]) {
    await visit(path);
    await page.getByText(SENTENCE).first().waitFor();
  }
  await visit('/');
  await page.locator('.attention').getByText(SENTENCE).waitFor();
  await visit(`/gateways/${id(3, 1)}`);
  await page.locator('.verdict').getByText(SENTENCE).waitFor();
  await page.getByRole('button', { name: /^End \d+ stale flow/ }).click();
  await page.getByRole('dialog').getByText(SENTENCE).first().waitFor();
  await page.getByRole('button', { name: /^Delete \d+ flows? on 1 gateway/ }).click();
  await page.waitForURL('**/flushes/*');
  await page.getByText(SENTENCE).first().waitFor();
});

test('a viewer sees alerts and why nothing can be done about them, and an unknown one is said to be so', async () => {
  api.role = 'viewer';
  await visit(`/alerts/${id(0, 1301)}`);
  const acknowledge = page.getByRole('button', { name: /^Acknowledge/ });
  await acknowledge.waitFor();
  expect(await acknowledge.getAttribute('aria-disabled')).toBe('true');
  await visit(`/alerts/${id(0, 13099)}`);
  await page.getByText('No alert has this id').waitFor();
});

test('somebody is told by mail from the settings: added, tested and removed', async () => {
  await goTo('/settings');
  await page.getByText('Nobody is told yet').waitFor();
  await page.getByLabel('Address', { exact: true }).fill('noc@example.net');
  await page.getByLabel('Which alerts').selectOption('warning');
  await page.getByRole('button', { name: 'Tell this address' }).click();
  await page.getByText('all tenants: warning, critical').waitFor();
  await page.getByRole('button', { name: 'Send test to noc@example.net' }).click();
  await page.getByText('250 2.0.0 taken').waitFor();
  await page.getByRole('button', { name: 'Remove noc@example.net' }).click();
  await page.getByText('Nobody is told yet').waitFor();
  expect(api.alerts.receivers).toEqual([]);
});

test('a webhook is added with its secret shown once, and what a kind still needs is said before it is sent', async () => {
  await goTo('/settings');
  await page.getByLabel(/^How/).selectOption('pagerduty');
  const add = page.getByRole('button', { name: 'Tell this receiver' });
  expect(await add.getAttribute('aria-disabled')).toBe('true');
  await page.getByLabel(/^How/).selectOption('webhook');
  await page.getByPlaceholder('Webhook', { exact: true }).fill('night shift');
  await page.getByLabel('Address to call').fill('https://hooks.example.net/in?token=hidden');
  await page.getByLabel(/^When/).selectOption('outside');
  await page.getByLabel(/^Again/).selectOption('30');
  await add.click();
  await page.getByText('Copy it now: it is shown only here.').waitFor();
  await page.getByText('Copy it now: it is shown only here.').scrollIntoViewIfNeeded();
  await keepScreenshot(page, 'settings-receivers');
  const row = page.getByRole('listitem').filter({ hasText: 'night shift' });
  for (const part of ['https://hooks.example.net/…', 'outside Mon to Fri 08:00–18:00 (Europe/Rome)', 'again every 30 min'])
    expect(await row.innerText()).toContain(part);
  expect(await page.content()).not.toContain('token=hidden');
  await page.getByRole('button', { name: 'Remove night shift' }).click();
  await page.getByText('Nobody is told yet').waitFor();
});
