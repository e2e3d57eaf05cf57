import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, connections, context, goTo, page, signIn, startApi, web } from './stage.ts';

describe('signing in', () => {
  test('a page asks for a sign-in first and then returns to itself', async () => {
    await page.goto(`${web.url}/sites?q=lyon`);
    await page.getByLabel('E-mail').fill('night@example.net');
    await page.getByLabel('Password').fill('correct horse');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /gateways up/ }).waitFor();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/sites?q=lyon');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'fixture', httpOnly: true, sameSite: 'Lax' });
  });

  test('a wrong password, a locked account and an unreachable controller are told apart', async () => {
    await page.goto(`${web.url}/sign-in`);
    await page.getByLabel('E-mail').fill('night@example.net');
    await page.getByLabel('Password').fill('guess');
    const attempt = async () => {
      const answered = page.waitForResponse('**/sign-in/email');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await answered;
      return page.getByRole('alert').filter({ hasText: /./ }).first().innerText();
    };
    expect(await attempt()).toBe('This e-mail and password do not go together.');
    for (let tries = 0; tries < 4; tries++) await attempt();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Too many wrong tries').waitFor();
    expect(await page.getByText('Wait 10 min').count()).toBe(1);
    api.isDown = true;
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The controller does not answer').waitFor();
  });

  test('a session leads to no other site', async () => {
    await page.goto(`${web.url}/sign-in?next=${encodeURIComponent('//evil.example')}`);
    await page.getByLabel('E-mail').fill('night@example.net');
    await page.getByLabel('Password').fill('correct horse');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /needs you first/ }).waitFor();
    expect(new URL(page.url()).origin).toBe(web.url);
  });
});

describe('finding flows', () => {
  test('text that does not parse shows the place and a suggestion, keeps the rows, and disables every delete', async () => {
    await connections('?filter=proto:udp');
    const before = await page.locator('.foot-bar b').innerText();
    await page.getByRole('combobox', { name: 'Filter' }).fill('dprt:5060');
    expect(await page.locator('.problem-line mark').innerText()).toBe('dprt');
    expect(await page.locator('.foot-bar b').innerText()).toBe(before);
    const remove = page.getByRole('button', { name: /Delete all .* matching/ });
    expect(await remove.getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).searchParams.get('filter')).toBe('proto:udp');
    await page.getByRole('button', { name: 'Write dport' }).click();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => new URL(location.href).searchParams.get('filter') !== 'proto:udp');
    expect(await remove.getAttribute('aria-disabled')).toBe('false');
  });

  test('a malformed filter in the address searches nothing and plans nothing', async () => {
    await signIn();
    await page.goto(`${web.url}/connections?filter=${encodeURIComponent('proto:udp (')}`);
    await page.getByText('Nothing was searched').waitFor();
    for (const button of await page.getByRole('button', { name: /^Delete/ }).all())
      expect(await button.getAttribute('aria-disabled')).toBe('true');
  });

  test('conntrack arguments are converted', async () => {
    await connections();
    await page.getByRole('combobox', { name: 'Filter' }).fill('-p udp -q 203.0.113.7');
    await page.locator('.problem-line button').click();
    await page.getByRole('combobox', { name: 'Filter' }).press('Enter');
    await page.waitForURL('**filter=*');
    expect(new URL(page.url()).searchParams.get('filter')).toBe('proto:udp rdst:203.0.113.7');
  });

  test('a beginner filters by protocol, status, address and port without the grammar, and a reload finds the same', async () => {
    await connections();
    await page.getByRole('button', { name: 'Protocol' }).click();
    await page.getByRole('checkbox', { name: 'UDP' }).check();
    await page.keyboard.press('Escape');
    await page.getByLabel('IP or CIDR').fill('10.20.4.0/24');
    await page.keyboard.press('Enter');
    await page.getByLabel('Port', { exact: true }).fill('5060');
    await page.keyboard.press('Enter');
    await page.waitForURL(/port/);
    expect(new URL(page.url()).searchParams.get('filter')).toBe('proto:udp ip:10.20.4.0/24 port:5060');
    await page.locator('[aria-label="Flows"]:not(.stale)').waitFor();
    const found = await page.locator('.foot-bar b').innerText();
    await page.reload();
    await page.locator('[role="row"][aria-rowindex="2"]').waitFor();
    expect(await page.locator('.foot-bar b').innerText()).toBe(found);
  });

  test('first rows are there while gateways answer; once the page is touched nothing moves, and what arrives waits behind a button', async () => {
    let finish: () => void = () => undefined;
    api.slowSearch = new Promise((resolve) => (finish = resolve));
    await connections('?filter=proto:udp');
    await page.locator('.answer-line').getByText('19 of 21 gateways have answered, 1 does not answer').waitFor();
    const bar = page.getByRole('progressbar', { name: 'Gateways that have answered' });
    expect([await bar.getAttribute('aria-valuenow'), await bar.getAttribute('aria-valuemax')]).toEqual(['19', '21']);
    expect(await page.locator('.foot-bar b').innerText()).toMatch(/match so far$/);
    expect(await page.getByRole('button', { name: /Delete all matching/ }).getAttribute('aria-disabled')).toBe('true');
    const flowIn = async (row: number) => /\S+ → \S+/.exec(await page.locator(`[role="row"][aria-rowindex="${row}"]`).innerText())?.[0];
    const before = await flowIn(2);
    expect(before).toContain(' → ');
    await page.locator('[role="row"][aria-rowindex="4"]').hover();
    finish();
    const show = page.getByRole('button', { name: /more rows arrived: show/ });
    await show.waitFor();
    expect([await flowIn(2), await bar.count()]).toEqual([before, 0]);
    await show.click();
    await page.locator('[role="row"][aria-rowindex="9"]').waitFor();
    expect(await flowIn(2)).not.toBe(before);
    expect(await flowIn(3)).toBe(before);
    api.slowSearch = undefined;
  });

  test('gateways that did not answer are named', async () => {
    await connections();
    expect(await page.locator('.answer-line').innerText()).toContain('20 of 21 gateways answered; caen-gw1: offline since 09:12');
  });
});

describe('by keyboard alone', () => {
  test('from an address to a verified flush of exactly the chosen flows', async () => {
    await connections(`?tenant=${id(1, 1)}&site=${id(2, 1)}`);
    await page.keyboard.press('/');
    await page.keyboard.type('app:sip');
    await page.keyboard.press('Enter');
    await page.waitForURL('**filter=*');
    await page.locator('[aria-label="Flows"]:not(.stale)').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('combobox', { name: 'Filter' }).blur();
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Shift+X');
    expect(await page.locator('.selbar').innerText()).toContain('3 selected');
    await page.keyboard.press('d');
    const heading = page.getByRole('heading', { name: 'Delete 3 flows on 1 gateway at Milano' });
    await heading.waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
    await page.keyboard.press('Enter');
    expect(await heading.count()).toBe(1);
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/flushes/*');
    await page.getByRole('heading', { name: '3 of 3 flows deleted and verified' }).waitFor();
  });

  test('text typed straight after Ctrl-K lands in the palette, however busy the page is', async () => {
    await connections();
    const devtools = await context.newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: 10 });
    const press = (key: string, more = {}) =>
      Promise.all([
        devtools.send('Input.dispatchKeyEvent', { type: 'keyDown', key, ...more }),
        devtools.send('Input.dispatchKeyEvent', { type: 'keyUp', key, ...more, text: '' }),
      ]);
    // Nothing waits in between: the keys come in one burst, as from somebody who types faster than the page can draw.
    await Promise.all([
      press('k', { code: 'KeyK', modifiers: 2 }),
      ...Array.from('cut 10.1.1.7', (key) => press(key, { text: key })),
      press('Enter', { code: 'Enter', text: '\r' }),
    ]);
    await page.waitForURL((url) => url.searchParams.get('filter') === 'ip:10.1.1.7');
    await page.getByRole('dialog', { name: 'Plan' }).waitFor();
  });

  test('the grid is one tab stop whose arrow keys reach rows, headers and the sort', async () => {
    await connections('?filter=proto:udp');
    await page.getByRole('grid', { name: 'Flows' }).focus();
    await page.keyboard.press('ArrowDown');
    const active = () => page.getByRole('grid', { name: 'Flows' }).getAttribute('aria-activedescendant');
    expect(await active()).toBe('cell-1-1');
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'Enter']) await page.keyboard.press(key);
    expect(await active()).toBe('cell--1-4');
    await page.waitForURL('**sort=src*');
    expect(await page.locator('#cell--1-4').getAttribute('aria-sort')).toBe('ascending');
    expect(await page.locator(`#${await active()}`).count()).toBe(1);
  });

  test('focus returns to where a plan was requested', async () => {
    await connections('?filter=proto:gre');
    const button = page.getByRole('button', { name: /Delete all .* matching/ });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^Delete 20 flows/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: /^Delete 20 flows/ }).waitFor({ state: 'detached' });
    await page.waitForFunction(() => /Delete all/.test(document.activeElement?.textContent ?? ''));
  });
});

describe('ending flows', () => {
  test('many sites require the number, and only the right number enables the button', async () => {
    await connections('?filter=proto:gre');
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    const button = page.getByRole('button', { name: 'Delete 20 flows on 20 gateways' });
    await button.waitFor();
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('Number of flows, to confirm').fill('2');
    await page.keyboard.press('Control+Enter');
    expect(new URL(page.url()).pathname).toBe('/connections');
    await page.getByLabel('Number of flows, to confirm').fill('20');
    expect(await button.getAttribute('aria-disabled')).toBe('false');
    expect(
      await page
        .getByRole('row', { name: /caen-gw1/ })
        .first()
        .innerText(),
    ).toContain('left out, offline since 08:41');
  });

  test('another reason makes another plan before anything runs', async () => {
    await connections(`?gateway=${id(3, 1)}&filter=proto:gre`);
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    const remove = page.getByRole('button', { name: 'Delete 1 flow on 1 gateway' });
    await remove.waitFor();
    await page.getByLabel('Reason').fill('GRE stuck after failover');
    expect(await remove.count()).toBe(0);
    await page.getByRole('button', { name: 'Plan again' }).click();
    await remove.waitFor();
    expect(await page.getByLabel('Reason').inputValue()).toBe('GRE stuck after failover');
  });

  test('another method makes another plan, and its name is on the button', async () => {
    await connections(`?gateway=${id(3, 1)}&filter=proto:gre`);
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByRole('button', { name: 'Delete 1 flow on 1 gateway' }).waitFor();
    await page.getByRole('group', { name: 'Method' }).getByRole('button', { name: 'Block' }).click();
    await page.getByRole('button', { name: 'Block 1 flow on 1 gateway' }).waitFor();
    await page.getByLabel('Refuse for').fill('90');
    const again = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/plans'));
    await page.getByLabel('Refuse for').press('Enter');
    expect((await again).postDataJSON()).toMatchObject({ method: 'block', forSeconds: 90 });
  });

  test('a stopped flush says what it left alone, can be undone, and its evidence is a file', async () => {
    await connections('?filter=proto:gre');
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByLabel('Number of flows, to confirm').fill('20');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/flushes/*');
    await page.getByRole('button', { name: 'Stop flush' }).waitFor();
    await page.keyboard.press('c');
    await page.getByRole('heading', { name: /^Stopped: \d+ of 20 flows deleted/ }).waitFor();
    await page.getByText('left alone.').waitFor();
    const file = page.waitForEvent('download');
    await page.getByRole('button', { name: 'JSON' }).click();
    expect((await file).suggestedFilename()).toMatch(/\.json$/);
    await page.getByRole('button', { name: /^Undo, 4:\d\d left/ }).click();
    await page.getByRole('heading', { name: /put back/ }).waitFor();
  });

  test('one flow is ended by one button, and protected ones cannot be chosen', async () => {
    await connections(`?gateway=${id(3, 2)}`);
    await page.locator('[role="row"][aria-rowindex="2"]').click();
    expect(await page.getByRole('button', { name: 'Delete this flow' }).getAttribute('aria-disabled')).toBe('true');
    await page.locator('[role="row"][aria-rowindex="5"]').click();
    await page.getByRole('heading', { name: /PPTP flow/ }).waitFor();
    await page.getByRole('button', { name: 'Delete this flow' }).click();
    await page.getByRole('link', { name: 'Open the flush' }).click();
    await page.getByRole('heading', { name: '1 of 1 flow deleted and verified' }).waitFor();
  });

  test('a whole table shows the guidance first and suggests no reason', async () => {
    await connections(`?gateway=${id(3, 2)}`);
    await page.getByRole('button', { name: 'Delete all connections…' }).click();
    await page.getByText('Leave it alone if').waitFor();
    expect(await page.getByRole('button', { name: 'Count what would go…' }).getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('Reason').fill('lab reset');
    await page.getByRole('button', { name: 'Count what would go…' }).click();
    await page.getByLabel('Number of flows, to confirm').waitFor();
  });

  test('a viewer reads why a button is greyed out and who can change that', async () => {
    api.role = 'approver';
    await connections('?filter=proto:gre');
    const button = page.getByRole('button', { name: /Delete all .* matching/ });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await button.hover();
    await page.getByText('Needs the role owner, admin or operator for this tenant; you are approver.').waitFor();
  });
});

describe('remediations', () => {
  test('form and YAML are one document: each reflects the other, and broken YAML disables the form and saving', async () => {
    await signIn();
    await page.goto(`${web.url}/remediations/new?from=stuck-gre-esp`);
    const yaml = page.getByLabel('Remediation as YAML');
    const save = page.getByRole('button', { name: 'Save' });
    await page.getByText('nothing is wrong with it').waitFor();
    await page.getByLabel('Most flows').fill('77');
    expect(await yaml.inputValue()).toContain('maxFlows: 77');
    await yaml.fill((await yaml.inputValue()).replace('maxFlows: 77', 'maxFlows: 88').replace('name: Stuck GRE and ESP', 'name: "open'));
    await page.getByRole('button', { name: /^line \d+, column \d+$/ }).waitFor();
    expect(await page.getByLabel('Most flows').isDisabled()).toBe(true);
    expect(await save.getAttribute('aria-disabled')).toBe('true');
    await yaml.fill((await yaml.inputValue()).replace('name: "open', 'name: Nightly'));
    expect(await page.getByLabel('Name').inputValue()).toBe('Nightly');
    expect(await page.getByLabel('Most flows').inputValue()).toBe('88');
    await page.getByLabel('Filter').fill('wan:$wan');
    await page.getByText('the trigger schedule knows no names').first().waitFor();
    expect(await save.getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('Filter').fill('proto:gre');
    await page.getByText('nothing is wrong with it').waitFor();
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/remediations?at=*');
    expect(api.remediations.items.at(-1)).toMatchObject({
      builtIn: 'stuck-gre-esp',
      document: { name: 'Nightly', filter: 'proto:gre', limits: { maxFlows: 88 } },
    });
  });

  test('changes that somebody else saved meanwhile are never overwritten unseen', async () => {
    await signIn();
    await page.goto(`${web.url}/remediations/${id(4, 1)}`);
    await page.getByLabel('Name').fill('Mine');
    const theirs = api.remediations.items[0]!;
    Object.assign(theirs, { revision: 4, document: { ...theirs.document, name: 'Theirs' } });
    await page.getByText('nothing is wrong with it').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('it is at revision 4').waitFor();
    expect(theirs.document.name).toBe('Theirs');
    await page.getByRole('button', { name: 'Take theirs' }).click();
    await page.getByRole('heading', { name: 'Theirs' }).waitFor();
    expect(await page.getByLabel('Name').inputValue()).toBe('Theirs');
  });

  test('keys navigate, count now where that is possible, and open the history', async () => {
    await signIn();
    await page.goto(web.url);
    await page.getByRole('heading', { name: /needs you first/ }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: /acts by itself/ }).waitFor();
    await page.keyboard.press('o');
    expect(new URL(page.url()).pathname).toBe('/remediations');
    await page.keyboard.press('j');
    await page.keyboard.press('o');
    await page.getByRole('heading', { name: 'Would have ended 7 flows; touched none' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: /acts by itself/ }).waitFor();
    await page.keyboard.press('h');
    await page.getByRole('heading', { name: 'Runs of Stuck GRE and ESP' }).waitFor();
  });

  test('a webhook’s secret is shown once, and a role that may not see it is told who can grant that', async () => {
    await signIn();
    await page.goto(`${web.url}/remediations/new?from=compromised-host`);
    await page.getByText('nothing is wrong with it').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('whsec_').waitFor();
    api.role = 'viewer';
    await page.goto(`${web.url}/remediations`);
    await page.getByText('An owner or admin can grant it.').waitFor();
  });
});

describe('a remediation that only suggests', () => {
  test('says that it needs a second person or was held back, and shows the button to those who may change that', async () => {
    const [one, , three] = api.remediations.items;
    Object.assign(one!, { approval: { state: 'needed', why: 'maxFlows 100000 is more than the 5000 flows that one person may end' } });
    Object.assign(three!, {
      isEnabled: true,
      document: { ...three!.document, mode: 'auto' },
      heldBack: { at: new Date().toISOString(), why: '2 of 9 gateways failed, or did not end what they should within an hour' },
    });
    await signIn();
    await page.goto(`${web.url}/remediations`);
    await page.getByRole('heading', { name: /None acts by itself/ }).waitFor();
    expect(await page.getByText('Needs a second person').count()).toBe(1);
    expect(await page.getByText('Held back').count()).toBe(1);
    await page.goto(`${web.url}/remediations/${one!.id}`);
    await page.getByText('is more than the 5000 flows').waitFor();
    await page.getByText('First it needs a second person: it acts in several tenants.').waitFor();
    await page.getByRole('button', { name: 'Agree that revision 3 acts by itself' }).click();
    await page.getByText('day desk agreed that it acts').waitFor();
    await page.goto(`${web.url}/remediations/${three!.id}`);
    await page.getByText('2 of 9 gateways failed').waitFor();
    await page.getByRole('button', { name: 'Let it act again' }).click();
    await page.getByText('It was held back').waitFor({ state: 'detached' });
    expect(three).toMatchObject({ isEnabled: true, revision: 4 });
    api.role = 'operator';
    Object.assign(one!, { approval: { state: 'needed', why: 'an API token saved it' } });
    await page.goto(`${web.url}/remediations/${one!.id}`);
    expect(await page.getByLabel('link to this remediation').first().innerText()).toContain(`/remediations/${one!.id}`);
  });
});

describe('a gateway that was set aside', () => {
  const asideReason = 'two agents hold this identity: one that was superseded came back while another holds the link';

  test('heads the list of what needs attention, gives the reason and the clone’s fate, and can be reinstated or revoked', async () => {
    const gateway = api.gateways.find(({ name }) => name === 'genova-gw2')!;
    Object.assign(gateway, { state: 'set-aside', setAsideReason: asideReason, since: new Date(Date.now() - 240_000).toISOString() });
    await signIn();
    await page.goto(web.url);
    await page.getByRole('heading', { name: 'genova-gw2 needs you first: two agents hold its identity' }).waitFor();
    await page.getByText('1 set aside').waitFor();
    await page.getByRole('link', { name: 'Decide' }).click();
    await page.getByText(asideReason).waitFor();
    const reinstate = page.getByRole('button', { name: 'Reinstate genova-gw2' });
    expect(await reinstate.getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('The other agent is stopped').check();
    await reinstate.click();
    await page.getByRole('region', { name: 'Set aside' }).waitFor({ state: 'detached' });
    expect(gateway).toMatchObject({ state: 'offline' });
    Object.assign(gateway, { state: 'set-aside', setAsideReason: asideReason });
    await page.reload();
    await page.getByLabel('Nobody can tell').check();
    await page.getByRole('button', { name: 'Revoke genova-gw2' }).click();
    await page.getByText('It can connect again only by a new enrolment.').waitFor();
    Object.assign(gateway, { state: 'set-aside', setAsideReason: asideReason });
    api.role = 'operator';
    await page.reload();
    await page.getByLabel('The other agent is stopped').check();
    await reinstate.hover();
    await page.getByText('Needs the role owner or admin for this tenant; you are operator.').waitFor();
  });
});

describe('what cannot be shown or is no longer kept', () => {
  test('each list names its entries that cannot be shown, and shows the others', async () => {
    await signIn();
    api.unreadable = [{ id: id(6, 77), reason: 'its totals are no numbers' }];
    for (const path of ['/', '/sites', '/flushes', '/audit', '/settings', '/remediations', '/remediations/runs']) {
      await page.goto(web.url + path);
      await page
        .getByText(`1 entry cannot be shown: ${id(6, 77)}, its totals are no numbers`)
        .first()
        .waitFor();
    }
    api.unreadable = [...api.unreadable, { id: id(6, 78), reason: 'its filter is none' }];
    await page.goto(`${web.url}/flushes`);
    await page.getByText('2 entries cannot be shown').click();
    await page.getByText('its filter is none').waitFor();
  });

  test('flows dropped by retention are distinguished from no flows, and make no empty file', async () => {
    await connections(`?gateway=${id(3, 1)}&filter=proto:gre`);
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByRole('button', { name: 'Delete 1 flow on 1 gateway' }).click();
    await page.waitForURL('**/flushes/*');
    api.droppedAt = '2026-10-30T02:00:00Z';
    await page.getByRole('button', { name: 'JSON' }).click();
    await page.getByRole('alert').filter({ hasText: 'dropped by retention on' }).waitFor();
    await page.getByRole('button', { name: 'Show the flows' }).click();
    await page
      .getByRole('region', { name: 'Evidence' })
      .getByText(/^The flows were dropped by retention on .*2026/)
      .first()
      .waitFor();
    expect(await page.getByText('No flows.').count()).toBe(0);
  });

  test('settings show what is kept, and how large it is, to whoever may see all tenants', async () => {
    await signIn();
    await page.goto(`${web.url}/settings`);
    const storage = page.getByRole('region', { name: 'Storage' });
    await storage.getByRole('row', { name: 'Flows of plans and runs 30 days' }).waitFor();
    await storage.getByRole('row', { name: /^sample 84,000,000 12.4 GB/ }).waitFor();
    await storage.getByRole('button', { name: '4 more tables' }).click();
    await storage.getByRole('row', { name: /^session/ }).waitFor();
    api.role = 'operator';
    await page.reload();
    await storage.getByText('Needs the role owner, admin, approver or auditor over all tenants; you are operator.').waitFor();
  });
});

describe('a gateway that cannot come back by itself', () => {
  test('is enrolled again as the same gateway by a command on its page', async () => {
    const { id: gatewayId } = api.gateways.find(({ name }) => name === 'caen-gw1')!;
    await goTo(`/gateways/${gatewayId}`);
    await page.getByText(/^Certificate ended .*, renewable until/).waitFor();
    await page.getByText('The agent on caen-gw1 lost its state, or is refused').click();
    await page.getByText('it keeps its history, tags and remediations').waitFor();
    await page.getByRole('button', { name: 'Make the command' }).click();
    await page.getByText('--token ctj_secret').waitFor();
    Object.assign(
      api.gateways.find(({ id: one }) => one === gatewayId)!,
      { state: 'revoked' },
    );
    await page.reload();
    await page.getByText('Take caen-gw1 back').waitFor();
    await page.getByRole('button', { name: 'Make the command' }).waitFor();
  });
});

describe('a second person', () => {
  test('the maker gets a link and cannot run; somebody else approves through it, and then it runs', async () => {
    api.needsSecondPerson = true;
    await connections('?filter=proto:gre');
    await page.getByRole('button', { name: /Delete all .* matching/ }).click();
    await page.getByText('You made this plan').waitFor();
    const confirm = page.getByRole('button', { name: 'Delete 20 flows on 20 gateways' });
    expect(await confirm.getAttribute('aria-disabled')).toBe('true');
    const link = await page.getByLabel('link to this plan').first().innerText();
    api.person = 'day desk';
    const other = await context.newPage();
    await other.goto(link);
    await other.getByRole('button', { name: 'Agree to these 20 flows' }).click();
    await other.getByText('day desk agreed').waitFor();
    await other.close();
    api.person = 'night desk';
    await page.getByText('day desk agreed').waitFor();
    await confirm.click();
    await page.waitForURL('**/flushes/*');
  });
});

describe('what is hostile or missing', () => {
  test('markup in a filter stays text, and no script without the nonce runs', async () => {
    await signIn();
    await page.goto(`${web.url}/sites?q=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
    await page.getByText('No gateway has').waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    const policy = (await page.request.get(`${web.url}/sign-in`)).headers()['content-security-policy']!;
    expect(policy).toMatch(/script-src 'self' 'nonce-[\w+/=]+' 'strict-dynamic'/);
    expect(policy).not.toMatch(/script-src[^;]*unsafe-inline/);
  });

  test('while the controller is unreachable the page keeps its contents and says that they are not live', async () => {
    await signIn();
    await page.goto(web.url);
    await page.getByRole('heading', { name: /needs you first/ }).waitFor();
    await page.getByText('Live', { exact: false }).first().waitFor();
    await api.close();
    await page.getByText('Reconnecting').waitFor();
    expect(await page.getByRole('heading', { name: /needs you first/ }).count()).toBe(1);
    await startApi();
    await page.locator('.topitem', { hasText: 'Live' }).waitFor();
  });
});
