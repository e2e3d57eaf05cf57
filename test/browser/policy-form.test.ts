import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { api, complaints, goTo, page } from './stage.ts';

const yaml = () => page.getByRole('textbox', { name: 'Policy as YAML' });
const text = () => yaml().inputValue();
const guidance = () => page.getByRole('status', { name: 'What the setting does' });
const field = (name: string) => page.getByLabel(name, { exact: true });
const choice = (name: string) => page.getByRole('combobox', { name });
const button = (name: string) => page.getByRole('button', { name, exact: true });
const TEXT = `# Ours, since the audit of May.
apiVersion: ctfleet/v1
kind: TrackingPolicy
metadata: { name: mine }
spec:
  # The table was full in March.
  table: { max: 262144, buckets: 65536 }
  timeouts:
    tcp:
      established: 1h # SSH hangs below
  helpers: [ftp] # phones
  rules:
    # the trunk of the provider
    - { name: trunk, match: { proto: udp, dport: 5060 }, mode: normal }
    # people who visit
    - { name: guests, match: { src: 10.1.0.0/16 }, limits: { perSource: 20 } }
`;

describe('the form of a policy', () => {
  test('writes into the YAML beside it, whose comments and order stay', async () => {
    await goTo('/policies/new');
    await yaml().fill(TEXT);
    expect(await field('tcp.established').inputValue()).toBe('1h');
    await field('tcp.established').fill('2h');
    await field('icmp').fill('10s');
    await page.getByRole('checkbox', { name: 'tftp' }).check();
    await choice('Counters').selectOption('true');
    await field('Name').fill('calm');
    expect(await text()).toBe(
      TEXT.replace('{ name: mine }', '{ name: calm }')
        .replace('established: 1h #', 'established: 2h #')
        .replace('  helpers: [ftp]', '    icmp: 10s\n  helpers: [ ftp, tftp ]')
        .concat('  accounting: true\n'),
    );
    await field('icmp').fill('');
    expect(await text()).not.toContain('icmp');
    expect(complaints).toEqual([]);
  });

  test('shows what is written in the YAML, and while that has a mistake says where and changes nothing', async () => {
    await goTo('/policies/new');
    await yaml().fill(TEXT.replace('established: 1h', 'established: 5'));
    await guidance().getByText('The YAML has a mistake in line 10, column 20.').waitFor();
    expect(await field('tcp.established').isDisabled()).toBe(true);
    expect(await button('Add a rule').getAttribute('aria-disabled')).toBe('true');
    await yaml().fill(TEXT.replace('established: 1h', 'established: 3h'));
    expect(await field('tcp.established').inputValue()).toBe('3h');
    expect(await field('tcp.established').isEnabled()).toBe(true);
  });

  test('keeps what is no value in its field, says why in the place for it, and saves nothing meanwhile', async () => {
    await goTo('/policies/new');
    await yaml().fill(TEXT);
    const before = await guidance().boundingBox();
    await field('udp.replied').fill('90');
    await guidance().getByText('Not written: “90” is not a duration; write whole seconds with a unit: 30s, 5m, 2h or 1d.').waitFor();
    expect(await field('udp.replied').getAttribute('aria-invalid')).toBe('true');
    expect(await text()).toBe(TEXT);
    await button('Save').hover();
    await page.getByRole('tooltip').getByText('timeouts.udp.replied: “90” is not a duration').waitFor();
    await field('udp.replied').fill('90s');
    expect(await text()).toContain('udp:\n      replied: 90s');
    expect(await guidance().boundingBox()).toEqual(before);
  });

  test('takes no choice that leaves a rule without a meaning, says why, and goes on', async () => {
    await goTo('/policies/new');
    await yaml().fill(TEXT);
    await button('1 trunk').click();
    await choice('Mode').selectOption('');
    await guidance()
      .getByText('Not written: rules.0.mode: the rule says nothing; give it a mode, an idleTimeout, a helper or limits.')
      .waitFor();
    expect([await choice('Mode').inputValue(), await text()]).toEqual(['normal', TEXT]);
    expect(await button('Save').getAttribute('aria-disabled')).toBe('false');
    await choice('Mode').selectOption('loose');
    expect(await text()).toBe(TEXT.replace('mode: normal', 'mode: loose'));
  });

  test('has guidance on the field that has the focus, in one place that moves nothing', async () => {
    await goTo('/policies/new');
    const place = await page.getByRole('region', { name: 'On gateways' }).boundingBox();
    await field('udp.replied').focus();
    await guidance().getByText('There is no packet that closes such a flow').waitFor();
    await page.getByRole('checkbox', { name: 'sip' }).focus();
    await guidance().getByText('Look here before tracking is switched off for such a protocol.').waitFor();
    await button('1 trunk').click();
    await choice('Mode').focus();
    await guidance().getByText('look for a helper first, which is always the safer way').waitFor();
    expect(await page.getByRole('region', { name: 'On gateways' }).boundingBox()).toEqual(place);
  });

  test('shows what holds where it says nothing: the profile’s value, or else the kernel’s', async () => {
    await goTo('/policies/new');
    const cells = async () => page.locator('.timeouts tr', { hasText: 'finWait' }).locator('td.num').allInnerTexts();
    const placeholder = () => field('tcp.timeWait').getAttribute('placeholder');
    expect([await cells(), await placeholder()]).toEqual([['–', '2m'], '2m']);
    await choice('Profile').selectOption('busy-nat');
    expect([await cells(), await placeholder()]).toEqual([['2m', '2m'], '30s']);
  });

  test('takes a timeout that only some kernels have, by its file’s name', async () => {
    await goTo('/policies/new');
    await field('Another').fill('nf_conntrack_quic_timeout');
    await field('Its time').fill('45s');
    await button('Add').click();
    expect(await text()).toContain('nf_conntrack_quic_timeout: 45s');
    expect(await field('other.nf_conntrack_quic_timeout').inputValue()).toBe('45s');
  });

  test('on a narrow screen shows form or YAML by a tab', async () => {
    await page.setViewportSize({ width: 1200, height: 800 });
    await goTo('/policies/new');
    expect([await field('Name').isVisible(), await yaml().isVisible()]).toEqual([true, false]);
    await button('YAML').click();
    expect([await field('Name').isVisible(), await yaml().isVisible()]).toEqual([false, true]);
  });
});

describe('rules in the form', () => {
  test('are moved by keys with their comments, and the focus goes along', async () => {
    await goTo('/policies/new');
    await yaml().fill(TEXT);
    await button('1 trunk').focus();
    await page.keyboard.press('Alt+ArrowDown');
    await button('2 trunk').waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('2 trunk');
    const after = await text();
    expect(after.indexOf('# people who visit')).toBeLessThan(after.indexOf('name: guests'));
    expect(after.indexOf('name: guests')).toBeLessThan(after.indexOf('# the trunk of the provider'));
    await page.keyboard.press('Alt+ArrowUp');
    expect(await text()).toBe(TEXT);
  });

  test('are added, written with every field, and removed', async () => {
    await goTo('/policies/new');
    await yaml().fill(TEXT);
    await button('Add a rule').click();
    await field('Name').nth(1).fill('servers');
    await field('Protocol').fill('tcp');
    await field('From').fill('10.0.0.0/8, fd00::/8');
    await field('To port').fill('https, 8000-8010');
    await field('In by').fill('lan*');
    await field('Mark').fill('0x100/0xff00');
    await choice('Mode').selectOption('strict');
    await field('Idle timeout').fill('30m');
    await field('At most, of one source').fill('50');
    await choice('Beyond it').selectOption('reset');
    await field('To one destination').fill('x');
    await guidance().getByText('“x” is not a whole number').waitFor();
    await field('To one destination').fill('');
    const written = (await text()).slice((await text()).indexOf('- name: servers'));
    for (const line of [
      'mode: strict',
      'proto: tcp',
      'src: [ 10.0.0.0/8, fd00::/8 ]',
      'dport: [ https, 8000-8010 ]',
      'iif: lan*',
      'mark: 0x100/0xff00',
      'idleTimeout: 30m',
      'perSource: 50',
      'answer: reset',
    ])
      expect(written).toContain(line);
    await button('Remove servers').click();
    await button('Remove trunk').click();
    await button('Remove guests').click();
    await page.getByText('No rule: what stands above holds for all traffic.').waitFor();
    expect(await text()).not.toContain('rules');
  });
});

describe('the sizing advisor', () => {
  const sized = () => page.locator('.sized');

  test('reckons 1000 users with 100 flows as at least 150,000 entries, and writes that into the policy', async () => {
    await goTo('/policies/new');
    await yaml().fill(TEXT);
    await page.getByText('How large should it be?').click();
    await field('People or devices').last().fill('1000');
    await field('Flows of each').fill('100');
    expect((await sized().locator('b').allInnerTexts()).slice(0, 3)).toEqual(['151,552', '37,888', '51 MiB']);
    await sized().getByText('about 350 bytes an entry').waitFor();
    await field('Bytes an entry').fill('512');
    await sized().getByText('75 MiB').waitFor();
    await button('Write into the policy').click();
    expect(await text()).toBe(TEXT.replace('{ max: 262144, buckets: 65536 }', '{ max: 151552, buckets: 37888 }'));
  });

  test('takes the most that a gateway had in the last 30 days, and half as much again', async () => {
    await goTo('/policies/new');
    await page.getByText('How large should it be?').click();
    await button('what was seen').click();
    await choice('Gateway').selectOption(id(3, 7));
    const told = await page.getByText(/^The most in the last 30 days were [\d,]+ entries, at /).innerText();
    const most = Number(/were ([\d,]+)/.exec(told)![1]!.replaceAll(',', ''));
    const entries = Number((await sized().locator('b').first().innerText()).replaceAll(',', ''));
    expect(most).toBeGreaterThan(api.gateways[6]!.usage!.count / 2);
    expect(entries).toBeGreaterThanOrEqual(most * 1.5);
    expect(entries).toBeLessThan(most * 1.5 + 2048);
  });
});
