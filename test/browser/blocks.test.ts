import { AxeBuilder } from '@axe-core/playwright';
import { describe, expect, test } from 'vitest';
import { id } from './fixture-fleet.ts';
import { connections, page } from './stage.ts';

const method = (word: string) => page.getByRole('group', { name: 'Method' }).getByRole('button', { name: word });
const plan = () => page.getByRole('dialog', { name: 'Plan' });

async function planBlock(filter: string): Promise<void> {
  await connections(`?gateway=${id(3, 1)}&filter=${filter}`);
  await page.getByRole('button', { name: /Delete all .* matching/ }).click();
  await method('Block').waitFor();
  await method('Block').click();
}

describe('a block', () => {
  test('says which packets are refused and which are let through, runs, is listed with its count, and is lifted', async () => {
    await planBlock('src:10.0.0.0/8 proto:gre');
    await plan().getByText('Refused: every GRE packet of connections from 10.0.0.0/8, for 60 s.').waitFor();
    await plan().getByText('Let through all the same: SSH to the gateway.').waitFor();
    expect((await new AxeBuilder({ page }).include('.sheet').analyze()).violations).toEqual([]);
    await plan().getByRole('button', { name: 'Block 1 flow on 1 gateway' }).click();
    await page.waitForURL('**/flushes/*');
    const blocked = page.getByRole('region', { name: 'Blocked now' });
    await blocked.getByText('14 packets refused so far').waitFor();
    await page.getByText('blocked; 14 packets refused since').first().waitFor();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await blocked.getByRole('link').first().click();
    await page.waitForURL('**/gateways/*');
    await blocked.getByRole('button', { name: 'Lift' }).click();
    await blocked.getByText('being lifted for').waitFor();
  });

  test('by what no packet carries is refused at the plan, and a narrower one is offered', async () => {
    await planBlock('proto:gre idle>=0s');
    await plan()
      .getByText(/No packet carries “idle/)
      .waitFor();
    await plan().getByRole('button', { name: 'Block proto:gre instead' }).click();
    await plan().getByText('Refused: every GRE packet, for 60 s.').waitFor();
    expect(
      await plan()
        .getByText(/No packet carries/)
        .count(),
    ).toBe(0);
  });
});
