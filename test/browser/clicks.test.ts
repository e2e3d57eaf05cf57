import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, connections, goTo, page, startApi, visit, web } from './stage.ts';

const pathname = () => new URL(page.url()).pathname;

describe('a list', () => {
  /** Each list, a cell in its rows that is not a link, and where the row leads. */
  const LISTS: [name: string, path: string, cell: string, leads: RegExp][] = [
    ['needs attention', '/', '.attention tbody tr:first-child td:nth-child(4)', /^\/gateways\//],
    ['alerts', '/alerts', '.alerts-of-place:first-of-type tbody tr:first-child td:nth-child(4)', /^\/alerts\/019/],
    ['sites', '/sites', '.sites tbody tr:first-child td:nth-child(5)', /^\/gateways\//],
    ['remediations', '/remediations', '.remediations tbody tr:first-child td:nth-child(3)', /^\/remediations\/019/],
    ['policies', '/policies', '.policies tbody tr:first-child td:nth-child(2)', /^\/policies\/019/],
    ['runs', '/remediations/runs', '.runs-list li:first-child time', /^\/remediations\/runs\/019/],
    ['flushes', '/flushes', 'tbody tr:first-child td:first-child', /^\/flushes\/019/],
    ['gateways of a flush', 'flush', '.runs tbody tr:first-child td:nth-child(2)', /^\/gateways\//],
    ['audit', '/audit', '.audit-list li:first-child time', /^\/audit\?.*entry=019/],
    [
      'connections',
      '/connections?filter=proto:gre',
      '[role="row"][aria-rowindex="2"] [role="gridcell"]:nth-child(4)',
      /^\/connections\?.*open=019/,
    ],
  ];

  test.each(LISTS)(
    'of %s opens the row on a click and on Enter, and in a new tab on a middle or Ctrl click',
    async (_, path, cell, leads) => {
      if (/flush/.test(path)) {
        await connections(`?gateway=${id(3, 1)}&filter=proto:gre`);
        await page.getByRole('button', { name: /Delete all .* matching/ }).click();
        await page.getByRole('button', { name: 'Delete 1 flow on 1 gateway' }).click();
        await page.waitForURL('**/flushes/*');
      }
      const list = path === 'flush' ? pathname() : path;
      const isThere = (url: URL) => leads.test(url.pathname + (leads.source.includes('\\?') ? url.search : ''));
      const show = async () => {
        await visit(list);
        await page.locator(cell).waitFor();
      };
      await show();
      await page.locator(cell).click();
      await page.waitForURL(isThere);
      await show();
      await page.keyboard.press('Enter');
      await page.waitForURL(isThere);
      await show();
      // What the tab shows is covered by that page's own test.
      await page.evaluate(() => {
        window.open = (url) => {
          document.body.dataset.opened = String(url);
          return null;
        };
      });
      for (const how of [{ button: 'middle' as const }, { modifiers: ['Control' as const] }]) {
        await page.evaluate(() => {
          delete document.body.dataset.opened;
        });
        await page.locator(cell).click(how);
        expect(isThere(new URL((await page.locator('body[data-opened]').getAttribute('data-opened')) ?? '', web.url))).toBe(true);
        expect(isThere(new URL(page.url()))).toBe(false);
      }
    },
    180_000,
  );

  test('leaves a click on a row’s own control to that control', async () => {
    await goTo('/remediations');
    await page.getByRole('switch').first().click();
    await page.getByText('off').first().waitFor();
    expect(pathname()).toBe('/remediations');
    await goTo('/');
    await page.getByRole('button', { name: /^End \d+ stale flow/ }).click();
    await page.getByRole('dialog', { name: 'Plan' }).waitFor();
    expect(pathname()).toBe('/');
  });
});

describe('ending one open flow', () => {
  const open = async (row: number) => {
    await connections(`?gateway=${id(3, 2)}`);
    await page.locator(`[role="row"][aria-rowindex="${row}"]`).click();
    await page.getByRole('complementary', { name: 'Flow' }).waitFor();
  };

  test('takes a single press of d if it is idle, and the result with Undo appears in its panel', async () => {
    await open(5);
    await page.keyboard.press('d');
    const result = page.getByRole('region', { name: 'Result' });
    await result.getByText('1 of 1 flow deleted and verified').waitFor();
    expect(await page.locator('[role="row"][aria-rowindex="5"]').getAttribute('class')).toContain('ended');
    await page.keyboard.press('r');
    await page.locator('[aria-label="Flows"]:not(.stale)').waitFor();
    await result.getByRole('button', { name: /^Undo, 4:\d\d left/ }).click();
    await result.getByText('0 of 1 flow put back').waitFor();
    expect(pathname()).toBe('/connections');
  });

  test('asks in place if it carries traffic, and ends it only once confirmed', async () => {
    await open(3);
    await page.keyboard.press('d');
    const question = page.getByRole('region', { name: 'Delete it all the same?' });
    await question.getByText('It had a packet in the last 10 seconds.').waitFor();
    await page.keyboard.press('d');
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    expect(await page.getByRole('complementary', { name: 'Flow' }).count()).toBe(1);
    await page.keyboard.press('d');
    await question.waitFor();
    await page.keyboard.press('Control+Enter');
    await page.getByRole('region', { name: 'Result' }).getByText('1 of 1 flow deleted and verified').waitFor();
  });

  test('behaves as the keyboard help says', async () => {
    await connections();
    await page.keyboard.press('?');
    await page.getByText('delete the open flow: at once if it is idle, else it asks in its panel').waitFor();
  });
});

describe('a failed refresh', () => {
  test('keeps the previous rows, dimmed, with their age and the reason, and offers no outdated number', async () => {
    await connections('?filter=proto:gre');
    const rows = await page.locator('[role="row"]').count();
    api.isDown = true;
    await page.keyboard.press('r');
    await page.getByText('Not refreshed').waitFor();
    await page.getByText('The controller does not answer').first().waitFor();
    expect(await page.locator('[role="row"]').count()).toBe(rows);
    expect(await page.locator('[aria-label="Flows"]').getAttribute('class')).toContain('stale');
    expect(await page.getByText(/^Snapshot .* old$/).count()).toBe(1);
    const remove = page.getByRole('button', { name: /^Delete all/ });
    expect(await remove.innerText()).toBe('Delete all matching…');
    expect(await remove.getAttribute('aria-disabled')).toBe('true');
    api.isDown = false;
    await page.keyboard.press('r');
    await page.getByRole('button', { name: 'Delete all 20 matching…' }).waitFor();
    expect(await page.getByText('Not refreshed').count()).toBe(0);
  });

  test('for a filter that finds nothing offers nothing to delete', async () => {
    await connections();
    await page.goto(`${web.url}/connections?filter=dport:1`);
    await page.getByText('No flow matches this filter now').waitFor();
    expect(await page.getByRole('button', { name: /^Delete all/ }).innerText()).toBe('Delete all matching…');
  });
});

describe('back and forward', () => {
  test('step through the filters, and not through the rows that were viewed', async () => {
    await connections('?filter=proto:gre');
    const narrow = 'proto:gre port:5060 dport:5061';
    const box = page.getByRole('combobox', { name: 'Filter' });
    for (const [text, filter] of [
      ['port:5060', 'proto:gre port:5060'],
      ['dport:5061', narrow],
    ] as const) {
      await box.fill(text);
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.searchParams.get('filter') === filter);
    }
    await box.blur();
    await connections('?filter=proto:icmp');
    const steps = () => page.evaluate(() => history.length);
    const before = await steps();
    await page.locator('[role="row"][aria-rowindex="2"]').click();
    await page.getByRole('complementary', { name: 'Flow' }).waitFor();
    expect(await steps()).toBe(before);
    await page.goBack();
    await page.waitForURL((url) => url.searchParams.get('filter') === narrow);
    await page.goBack();
    await page.waitForURL((url) => url.searchParams.get('filter') === 'proto:gre port:5060');
    await page.goBack();
    await page.waitForURL((url) => url.searchParams.get('filter') === 'proto:gre');
    await page.goForward();
    await page.waitForURL((url) => url.searchParams.get('filter') === 'proto:gre port:5060');
  });
});

describe('unsaved edits', () => {
  test('are not lost to a link, a key or Back without a warning, and cause none once saved', async () => {
    await goTo('/remediations');
    await page.getByRole('link', { name: 'WAN down', exact: false }).first().click();
    await page.getByText('nothing is wrong with it').waitFor();
    const name = page.getByLabel('Name');
    await name.fill('Mine');
    const stay = page.getByRole('button', { name: 'Stay and keep them' });
    const ways: (() => Promise<unknown>)[] = [
      () => page.getByRole('link', { name: 'Audit' }).click(),
      () => page.getByRole('button', { name: 'Back to the list' }).click(),
      () => page.evaluate(() => history.back()),
      async () => {
        await name.blur();
        await page.keyboard.press('g');
        await page.keyboard.press('s');
      },
    ];
    for (const leave of ways) {
      await leave();
      await stay.click();
      await stay.waitFor({ state: 'detached' });
      expect(await name.inputValue()).toBe('Mine');
    }
    const dialog = page.waitForEvent('dialog');
    void page.reload().catch(() => undefined);
    expect((await dialog).type()).toBe('beforeunload');
    await (await dialog).dismiss();
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('button', { name: 'Leave without saving' }).click();
    await page.waitForURL('**/audit');
    await goTo(`/remediations/${id(4, 1)}`);
    await name.fill('Mine');
    await page.getByText('nothing is wrong with it').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL('**/remediations?at=*');
  });
});

describe('a controller that does not answer', () => {
  test('is reported on every page, with what continues, and the page recovers by itself when it answers again', async () => {
    await goTo('/');
    api.isDown = true;
    for (const path of [
      '/',
      '/sites',
      '/connections',
      '/flushes',
      '/audit',
      '/settings',
      '/remediations',
      '/remediations/runs',
      `/gateways/${id(3, 1)}`,
    ]) {
      await page.goto(web.url + path);
      await page.getByRole('alert').getByText('The controller does not answer').first().waitFor();
    }
    api.isDown = false;
    await page.getByRole('heading', { name: 'milano-gw1' }).waitFor();
  });

  test('but accepts every call is given up on in time', async () => {
    await goTo('/audit');
    await page.clock.install();
    await api.close();
    await startApi({ isSilent: true });
    await page.goto(`${web.url}/settings`);
    await page.getByRole('status', { name: 'Loading' }).waitFor();
    await page.clock.fastForward(16_000);
    await page.getByText('nothing came within 15 s').first().waitFor();
  });
});

describe('a selection of many rows', () => {
  test('is shown by its number in the plan, the flush and the audit, with the list one click away', async () => {
    await connections('?filter=proto:udp');
    await page.keyboard.press('a');
    await page.getByText('200 selected').waitFor();
    await page.keyboard.press('d');
    const plan = page.getByRole('dialog', { name: 'Plan' });
    await plan.getByRole('heading', { name: 'Impact' }).waitFor();
    expect(await page.getByLabel('Reason').inputValue()).toBe('200 selected flows');
    expect(await plan.getByLabel('Filter').isVisible()).toBe(false);
    await plan.getByText('200 selected flows', { exact: true }).click();
    await plan.getByLabel('Filter').waitFor();
    await page.getByLabel('Number of flows, to confirm').fill('200');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/flushes/*');
    for (const path of [pathname(), '/flushes']) {
      await goTo(path);
      await page.getByText('200 selected flows').first().waitFor();
      expect(
        await page
          .getByText(/id:\d+,\d+/)
          .filter({ visible: true })
          .count(),
      ).toBe(0);
    }
    expect(api.flushes[0]!.reason).toBe('200 selected flows');
  });
});
