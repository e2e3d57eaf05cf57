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
