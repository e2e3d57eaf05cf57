import { expect, it } from 'vitest';
import { abilitiesOf, haveChanged } from './abilities.ts';
import { MemoryTable } from './conntrack/memory/memory-table.ts';

const tried = (why: string | undefined, table: Pick<MemoryTable, 'capabilities'> = new MemoryTable({ now: () => 0 })) =>
  abilitiesOf({
    table,
    whyNotRefuse: async () => why,
    whyNotBlock: async () => why,
    mayActInEmergency: false,
    besides: {},
    also: ['read-policy'],
  });

it('a gateway that cannot refuse packets says so of every way that needs it, and may delete', async () => {
  const { can, cannot } = await tried('nft is not there');
  expect(cannot).toMatchObject({ reset: 'nft is not there', block: 'nft is not there' });
  expect(can).toEqual(expect.arrayContaining(['delete', 'expire', 'undo', 'stop']));
  expect((await tried(undefined)).can).toEqual(expect.arrayContaining(['reset', 'block', 'block-host', 'read-policy']));
});

it('what comes or goes while the agent runs is a change: nft, and a setting of the kernel', async () => {
  const whole = new MemoryTable({ now: () => 0 });
  const uncounted = {
    capabilities: async () => ({ can: ['counters', 'list', 'delete'], cannot: { accounting: 'net.netfilter.nf_conntrack_acct is 0' } }),
  };
  expect(haveChanged(await tried(undefined), await tried('nft is not there'))).toBe(true);
  expect(haveChanged(await tried(undefined, whole), await tried(undefined, uncounted))).toBe(true);
  expect(haveChanged(await tried('nft is not there'), await tried('nft is not there, said otherwise'))).toBe(false);
});

it('what helpers expect is told and deleted where the table can, and else the reason is told', async () => {
  const { can } = await tried(undefined);
  expect(can).toEqual(expect.arrayContaining(['list-expectations', 'delete-expectations']));
  const refused = {
    can: ['counters', 'list'],
    cannot: { delete: 'CAP_NET_ADMIN is missing', expectations: 'CAP_NET_ADMIN is missing, too' },
  };
  const without = await tried(undefined, { capabilities: async () => refused });
  expect(without.can).not.toEqual(expect.arrayContaining(['list-expectations']));
  expect(without.cannot).toMatchObject({
    'list-expectations': 'CAP_NET_ADMIN is missing, too',
    'delete-expectations': 'CAP_NET_ADMIN is missing, too',
  });
  const fixed = await tried(undefined, { capabilities: async () => ({ can: ['expectations'], cannot: { delete: 'it is read-only' } }) });
  expect([fixed.can.includes('list-expectations'), fixed.cannot['delete-expectations']]).toEqual([true, 'it is read-only']);
});
