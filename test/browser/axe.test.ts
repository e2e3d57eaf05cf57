import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { id, moreGateways } from './fixture-fleet.ts';
import { api, complaints, page, signIn, web } from './stage.ts';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
type Theme = 'light' | 'dark';
type RunOnly = { type: 'tag' | 'rule'; values: string[] };
const RULES: RunOnly = { type: 'tag', values: TAGS };
const COLOURS: RunOnly = { type: 'rule', values: ['color-contrast'] };

async function turn(theme: Theme): Promise<void> {
  await page.emulateMedia({ colorScheme: theme });
  await page.locator(`html[data-mantine-color-scheme="${theme}"]`).waitFor();
}

test('no page has a fault that axe can find in either theme, and the browser reports no complaints', async () => {
  const faults: string[] = [];
  let shown: Theme = 'light';
  const look = async (name: string, what: RunOnly) => {
    // Without foreign frames there is nothing to assemble in a page of its own. Naming every node that passes takes most of the time.
    const { violations } = await new AxeBuilder({ page })
      .setLegacyMode()
      .options({ runOnly: what, resultTypes: ['violations'] })
      .analyze();
    faults.push(
      ...violations.map(
        ({ id: rule, nodes }) =>
          `${name}, ${shown}: ${rule}: ${nodes
            .slice(0, 3)
            .map((node) => node.target.join(' '))
            .join(' | ')}`,
      ),
    );
  };
  /** In the theme that the page was loaded in, and then its colours in the other, which the next page is loaded in. */
  const check = async (name: string) => {
    await look(name, RULES);
    shown = shown === 'light' ? 'dark' : 'light';
    await turn(shown);
    await look(name, COLOURS);
  };
  await page.goto(`${web.url}/sign-in`);
  await page.getByLabel('Password').waitFor();
  await check('/sign-in');
  await signIn();
  for (const path of [
    '/',
    '/alerts',
    `/alerts/${id(0, 1301)}`,
    '/sites',
    `/gateways/${id(3, 7)}`,
    `/gateways/${id(3, 13)}`,
    `/gateways/${id(3, 1)}?view=tracking`,
    '/connections',
    '/flushes',
    `/audit?entry=${id(7, 40)}`,
    '/people',
    '/people/groups',
    '/people/service-accounts',
    '/account',
    '/settings',
    '/first-run',
    '/remediations',
    '/remediations/new',
    '/remediations/new?from=stuck-gre-esp',
    `/remediations/${id(4, 1)}`,
    '/policies',
    '/policies/new',
    `/policies/${id(8, 1)}`,
    `/policies/new?adopt=${id(3, 1)}`,
    '/policies/compliance',
    `/policies/compliance?compliance=drifted&at=${id(3, 1)}`,
    '/policy-rollouts',
    `/policy-rollouts/${id(4, 502)}`,
    '/remediations/runs',
    `/remediations/runs/${id(4, 101)}`,
  ]) {
    await page.goto(web.url + path);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await page.waitForLoadState('load');
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    await check(path);
  }
  await page.goto(`${web.url}/policies/${id(8, 1)}`);
  await page.getByRole('button', { name: 'Preview on gateways' }).click();
  await page.getByRole('group', { name: 'Roll out' }).waitFor();
  await page.getByText('How large should it be?').click();
  await check('a policy with a roll-out to begin');
  await page.goto(`${web.url}/policies/new`);
  await page.getByRole('button', { name: 'Add a rule' }).click();
  await page.getByRole('textbox', { name: 'udp.replied' }).fill('5');
  await page.getByText('Not written: “5” is not a duration').waitFor();
  await check('a new policy with a rule open and a field that is wrong');
  api.policyRollouts.needsApproval = 'More than a tenth of the fleet is changed at once.';
  await page.goto(`${web.url}/policies/${id(8, 1)}`);
  await page.getByRole('button', { name: 'Preview on gateways' }).click();
  await page.getByRole('group', { name: 'Roll out' }).getByLabel('Reason').fill('why');
  await page.getByRole('button', { name: 'Roll out to 4 gateways' }).click();
  await page.getByText('A second person is needed').waitFor();
  await check('a roll-out that awaits approval');
  await page.goto(`${web.url}/people/groups`);
  await page.getByRole('button', { name: 'Change Night shift' }).click();
  await page.getByRole('button', { name: 'Take out Lars Berg from Night shift' }).waitFor();
  await check('a group');
  Object.assign(api.gateways[4]!, { state: 'set-aside', setAsideReason: 'two agents hold this identity' });
  api.unreadable = [
    { id: id(6, 77), reason: 'its totals are no numbers' },
    { id: id(6, 78), reason: 'its filter is none' },
  ];
  for (const path of ['/', `/gateways/${id(3, 5)}`, '/flushes', '/settings']) {
    await page.goto(web.url + path);
    await page.getByText('2 entries cannot be shown').first().waitFor();
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    await check(`${path}, set aside and unreadable`);
  }
  api.unreadable = [];
  Object.assign(api.gateways[4]!, { state: 'online', setAsideReason: undefined });
  const more = moreGateways(Date.now(), 600);
  const few = api.gateways.length;
  api.gateways.push(...more);
  api.isOld = true;
  await page.goto(web.url);
  await page.getByRole('heading', { name: 'Table used, gateways by %' }).waitFor();
  await check('a large fleet, of which nothing newer is known');
  await page.goto(`${web.url}/sites`);
  await page.getByText('1 to 100 of').waitFor();
  await check('a page of a large fleet');
  api.gateways.length = few;
  api.isOld = false;
  for (const isBroken of [false, true]) {
    api.isAuditBroken = isBroken;
    await page.goto(`${web.url}/audit`);
    await page.getByRole('button', { name: 'Verify the chains' }).click();
    await page.getByRole('button', { name: 'Show the chains' }).click();
    await page.getByText('Public key').waitFor();
    await check(`audit, broken ${isBroken}`);
  }
  await page.goto(`${web.url}/connections?filter=proto:gre`);
  await page.locator('[role="row"][aria-rowindex="2"]').click();
  await page.getByRole('heading', { name: /PPTP flow/ }).waitFor();
  await check('a flow');
  await page.getByRole('button', { name: /Delete all .* matching/ }).click();
  await page.getByRole('heading', { name: /^Delete 20 flows/ }).waitFor();
  await check('a plan');
  await page.getByLabel('Number of flows, to confirm').fill('20');
  await page.keyboard.press('Control+Enter');
  await page.waitForURL('**/flushes/*');
  await page.getByRole('heading', { name: /deleted so far/ }).waitFor();
  await check('a flush');
  await page.keyboard.press('c');
  await page.getByRole('button', { name: /^Undo/ }).waitFor();
  await check('a stopped flush');
  expect(faults).toEqual([]);
  expect(complaints).toEqual([]);
}, 600_000);
