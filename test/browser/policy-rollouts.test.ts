import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, complaints, goTo, page, web } from './stage.ts';

const BASE = id(8, 1);
const OFFICE = id(8, 2);
const button = (name: string | RegExp) => page.getByRole('button', { name });
const form = () => page.getByRole('group', { name: 'Roll out' });
const rowOf = (gateway: string) => page.locator('.runs tbody tr', { hasText: gateway });
const yaml = () => page.getByRole('textbox', { name: 'Policy as YAML' });

/** From a saved policy to the page of its roll-out. */
async function rollOut(policyId = BASE): Promise<void> {
  await goTo(`/policies/${policyId}`);
  await page.keyboard.press('Control+Shift+Enter');
  await form().getByLabel('Reason').fill('ICMP fills the table');
  await button('Roll out to 4 gateways').click();
  await page.waitForURL('**/policy-rollouts/*');
}

describe('from the preview of a policy', () => {
  test('its roll-out is two clicks away, with reason, ticket, time to confirm and waves, and is watched until it is confirmed', async () => {
    let clicks = 0;
    const click = async (name: string) => {
      clicks += 1;
      await button(name).click();
    };
    await goTo(`/policies/${BASE}`);
    await click('Preview on gateways');
    await form().getByText('Each gateway puts it back by itself unless it is heard again within 2 min.').waitFor();
    expect(await button('Roll out to 4 gateways').getAttribute('aria-disabled')).toBe('true');
    await form().getByText('Give a reason first.').waitFor();
    await form().getByLabel('Reason').fill('ICMP fills the table');
    await form().getByLabel('Ticket').fill('INC-7719');
    await form().getByLabel('Confirm within').fill('5m');
    await form().getByText('heard again within 5 min.').waitFor();
    await form().getByText('in waves; trouble holds the next one back').waitFor();
    await click('Roll out to 4 gateways');
    await page.waitForURL('**/policy-rollouts/*');
    expect(clicks).toBe(2);
    await page.getByRole('heading', { name: '“base” in force on 4 of 4 gateways, confirmed' }).waitFor();
    expect(api.policyRollouts.rollouts[0]).toMatchObject({
      reason: 'ICMP fills the table',
      ticket: 'INC-7719',
      withinSeconds: 300,
      waves: 2,
    });
    expect(await page.locator('.runs .green').count()).toBe(4);
    await page.getByText('Nothing went wrong.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('the reason is remembered, Ctrl-Enter within presses the button of the roll-out, and one without waves begins everywhere', async () => {
    await rollOut();
    await goTo(`/policies/${BASE}`);
    await page.keyboard.press('Control+Shift+Enter');
    expect(await form().getByLabel('Reason').inputValue()).toBe('ICMP fills the table');
    await form().getByRole('checkbox').uncheck();
    await form().getByText('all at once, but for partners of one another').waitFor();
    await form().getByLabel('Reason').focus();
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/policy-rollouts/*');
    expect(api.policyRollouts.rollouts[0]).toMatchObject({ waves: 1 });
    expect(api.savedPolicies.policies.find((policy) => policy.id === BASE)).toMatchObject({ revision: 2 });
  });

  test('only what is saved is rolled out, and what a plan does not show any more is previewed again', async () => {
    await goTo(`/policies/${BASE}`);
    await yaml().fill('apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: base }\nspec: { timeouts: { icmp: 9s } }\n');
    await page.keyboard.press('Control+Shift+Enter');
    await form().getByText('Save first: what is rolled out is the policy as it is saved').waitFor();
    expect(await button(/^Roll out to/).getAttribute('aria-disabled')).toBe('true');
    await goTo('/policies/new');
    await page.keyboard.press('Control+Shift+Enter');
    await form().getByText('Save first').waitFor();
    await goTo(`/policies/${BASE}`);
    await page.keyboard.press('Control+Shift+Enter');
    await form().waitFor();
    await page.getByRole('combobox', { name: 'For' }).selectOption('tag:voip');
    await form().getByText('Save first').waitFor();
    await page.getByRole('combobox', { name: 'For' }).selectOption('fleet');
    await form().getByText('Preview it again: policy or scope have changed since.').waitFor();
  });

  test('a time to confirm beyond what gateways keep is refused', async () => {
    await goTo(`/policies/${BASE}`);
    await page.keyboard.press('Control+Shift+Enter');
    await form().getByLabel('Confirm within').fill('2h');
    await form().getByText('Give a time to confirm from 30s to 1h.').waitFor();
    await form().getByLabel('Confirm within').fill('10');
    expect(await form().getByLabel('Confirm within').getAttribute('aria-invalid')).toBe('true');
  });

  test('what it does to flows that are there now is told by gateway, with the exact flows that end', async () => {
    await goTo('/policies/new');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/policies\?at=/);
    await page.getByRole('link', { name: 'busy-nat' }).click();
    await button('Preview on gateways').click();
    const whole = page.getByRole('list', { name: 'What it would do to flows' });
    await whole.waitFor();
    expect(await whole.locator('li').allInnerTexts()).toEqual([
      '48 flows end on 4 gateways',
      '4 flows lose their helper on 4 gateways',
      '856 flows end sooner if they are idle on 4 gateways',
    ]);
    const first = page.locator('.planned').first();
    await first.getByText('They were joined in the middle, and the rule wants their beginning.').waitFor();
    await first.getByRole('button', { name: 'Show the exact 12 flows that would end' }).click();
    expect(await first.getByRole('region', { name: 'Exact flows' }).locator('tbody tr').count()).toBe(12);
    expect(await first.getByRole('link', { name: 'Open them in Connections' }).getAttribute('href')).toMatch(
      new RegExp(`^/connections\\?gateway=${id(3, 1)}&filter=id%3A1\\d{6}%2C`),
    );
    expect(await form().getByLabel('Number of gateways, to confirm').count()).toBe(0);
  });

  test('one that ends many flows takes the number of gateways typed, and says how many flows are not listed', async () => {
    api.savedPolicies.flowsLeft = 2000;
    await goTo('/policies/new');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/policies\?at=/);
    await page.getByRole('link', { name: 'busy-nat' }).click();
    await button('Preview on gateways').click();
    await button('Show 12 of 2,012 flows that would end').first().click();
    await page.getByText('2,000 more were counted and are not in this list.').waitFor();
    await form().getByLabel('Reason').fill('why');
    await form().getByText('Type 4 first.').waitFor();
    await form().getByLabel('Number of gateways, to confirm').fill('4');
    await button('Roll out to 4 gateways').click();
    await page.waitForURL('**/policy-rollouts/*');
  });

  test('whoever may not roll out sees the button with the reason', async () => {
    api.role = 'operator';
    await goTo(`/policies/${BASE}`);
    await page.keyboard.press('Control+Shift+Enter');
    await form().getByText('Needs the role owner or admin for this tenant; you are operator.').waitFor();
    expect(await button(/^Roll out to/).getAttribute('aria-disabled')).toBe('true');
  });

  test('a policy that a pipeline applies is rolled out as it is saved, though nobody changes it here', async () => {
    await goTo(`/policies/${OFFICE}`);
    expect(await page.getByLabel('Name', { exact: true }).isDisabled()).toBe(true);
    await page.keyboard.press('Control+Shift+Enter');
    await form().getByLabel('Reason').fill('as the file has it');
    expect(await button('Roll out to 4 gateways').getAttribute('aria-disabled')).toBe('false');
  });
});

describe('a roll-out', () => {
  test('that is not confirmed counts down on each gateway, and what nobody hears is put back and holds the rest back', async () => {
    api.policyRollouts.holdAt = 'confirming';
    api.policyRollouts.unheard.add('milano-gw1');
    await rollOut();
    await rowOf('milano-gw1')
      .getByText(/^put back in (2 min|1 min \d+ s) unless confirmed$/)
      .waitFor();
    await page.getByText('1 in force, to be confirmed').waitFor();
    api.policyRollouts.holdAt = undefined;
    await page.getByRole('heading', { name: 'Held back: “base” in force on 0 of 4 gateways' }).waitFor();
    await page.getByText('A gateway of wave 1 was not heard again; 1 gateway put it back by itself; 3 gateways were held back.').waitFor();
    expect((await rowOf('milano-gw1').locator('td').allInnerTexts()).slice(1, 3)).toEqual(['put back', '1']);
    expect(await page.locator('.runs tbody tr').first().innerText()).toContain('milano-gw1');
    expect(await rowOf('genova-gw1').innerText()).toContain('An earlier wave had trouble');
    expect(await button(/^Undo/).count()).toBe(0);
  });

  test('is cancelled by one key: nothing more begins, and what nobody has confirmed is put back', async () => {
    api.policyRollouts.holdAt = 'confirming';
    await rollOut();
    await rowOf('milano-gw1').getByText('unless confirmed').waitFor();
    await page.keyboard.press('c');
    await page.getByRole('heading', { name: 'Cancelled: “base” in force on 0 of 4 gateways' }).waitFor();
    expect(await rowOf('milano-gw1').innerText()).toContain('Cancelled before it was confirmed');
    expect(await rowOf('genova-gw1').innerText()).toContain('cancelled');
  });

  test('that needs a second person waits, gives its maker the link, and begins once somebody else agrees', async () => {
    api.policyRollouts.needsApproval = 'More than a tenth of the fleet is changed at once.';
    await rollOut();
    await page.getByRole('heading', { name: '“base” for 4 gateways awaits approval' }).waitFor();
    await page.getByText('More than a tenth of the fleet is changed at once.').waitFor();
    await page.getByText('You asked for this roll-out, so somebody else has to agree to it').waitFor();
    expect(await page.getByText(`${web.url}/policy-rollouts/`).count()).toBe(1);
    expect(await button(/^Agree/).count()).toBe(0);
    api.person = 'Ben';
    api.role = 'approver';
    await page.reload();
    await page.getByText('night desk asks you to agree.').waitFor();
    await button('Agree to 4 gateways').click();
    await page.getByRole('heading', { name: '“base” in force on 4 of 4 gateways, confirmed' }).waitFor();
    await page.getByText('Ben agreed').waitFor();
  });

  test('is undone where it was confirmed, as a roll-out of its own, once', async () => {
    await goTo(`/policy-rollouts/${id(4, 501)}`);
    await button('Undo on 6 gateways').click();
    await page.waitForURL(`**/policy-rollouts/${id(4, 503)}`);
    await page.getByRole('heading', { name: '“base” taken back on 6 of 6 gateways, confirmed' }).waitFor();
    expect(await button(/^Undo/).count()).toBe(0);
    await goTo(`/policy-rollouts/${id(4, 501)}`);
    await page.getByRole('link', { name: 'Undone: see what was taken back' }).click();
    await page.waitForURL(`**/policy-rollouts/${id(4, 503)}`);
  });

  test('shows what it changes on a gateway, leads to its policy and its record, and opens rows by keys', async () => {
    await goTo(`/policy-rollouts/${id(4, 502)}`);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.locator('.opened').getByText('timeouts.icmp').waitFor();
    expect(await rowOf('milano-gw3').getByRole('button').getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('Enter');
    await page.locator('.opened').waitFor({ state: 'detached' });
    const about = page.getByRole('complementary', { name: 'About this roll-out' });
    expect(await about.getByRole('link', { name: 'Audit entries that name it' }).getAttribute('href')).toBe('/audit?q=base');
    await about.getByRole('link', { name: 'base', exact: true }).click();
    await page.waitForURL(`**/policies/${BASE}`);
    await page.getByRole('link', { name: 'Held back: “base” in force on 1 of 9 gateways' }).click();
    await page.waitForURL(`**/policy-rollouts/${id(4, 502)}`);
  });
});

test('roll-outs are listed under the policies, open ones first, and opened by keys', async () => {
  api.policyRollouts.holdAt = 'waiting';
  await rollOut();
  await goTo('/policies');
  await page.getByRole('navigation', { name: 'About policies' }).getByRole('link', { name: 'Roll-outs' }).click();
  await page.getByRole('heading', { name: '1 roll-out open' }).waitFor();
  expect((await page.locator('.rollouts tbody tr').allInnerTexts()).map((row) => row.split('\t')[1]?.trim())).toEqual([
    'running',
    'held back',
    'confirmed',
  ]);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/policy-rollouts/${id(4, 502)}`);
});
