import { describe, expect, it } from 'vitest';
import type { Grant } from '../../proto/model/access.ts';
import { entriesOf, type GroupState } from './trail.ts';

const ada = { id: 'a', name: 'Ada' };
const lars = { id: 'l', name: 'Lars' };
const here: Grant = { role: 'operator', tenantId: 't1' };
const there: Grant = { role: 'viewer', tenantId: 't2' };
const everywhere: Grant = { role: 'auditor', tenantId: null };
const noc = (grants: Grant[], members = [ada], name = 'NOC'): GroupState => ({ name, grants, members });

describe('a group of one tenant', () => {
  it('is in that tenant’s chain with all there is', () => {
    expect(entriesOf('g', undefined, noc([here]))).toEqual([
      {
        tenantId: 't1',
        what: 'made the group NOC',
        detail: { groupId: 'g', after: { name: 'NOC', grants: [here] }, membersAdded: [ada] },
      },
    ]);
    expect(entriesOf('g', noc([here]), undefined)).toEqual([
      {
        tenantId: 't1',
        what: 'removed the group NOC',
        detail: { groupId: 'g', before: { name: 'NOC', grants: [here] }, membersRemoved: [ada] },
      },
    ]);
  });

  it('says of a change what differs, by its name from then on', () => {
    expect(entriesOf('g', noc([here]), noc([here], [lars], 'Desk'))).toEqual([
      {
        tenantId: 't1',
        what: 'changed the group Desk',
        detail: { groupId: 'g', before: { name: 'NOC' }, after: { name: 'Desk' }, membersAdded: [lars], membersRemoved: [ada] },
      },
    ]);
  });
});

describe('a group of several places', () => {
  it('is in the installation’s chain with all, and in each tenant’s with what is given there, without name and id', () => {
    const entries = entriesOf('g', undefined, noc([everywhere, here, there]));
    expect(entries.map(({ tenantId }) => tenantId)).toEqual([undefined, 't1', 't2']);
    expect(entries[0]!.detail).toMatchObject({ groupId: 'g', after: { name: 'NOC', grants: [everywhere, here, there] } });
    expect(entries[1]!.detail).toEqual({ after: { grants: [here] }, membersAdded: [ada] });
    expect(JSON.stringify(entries.slice(1))).not.toContain('NOC');
    expect(JSON.stringify(entries[1])).not.toContain('t2');
  });

  it('that was one tenant’s before, or is from now on, keeps its name from that tenant’s chain', () => {
    for (const [before, after] of [
      [noc([here]), noc([here, there], [ada], 'Secret')],
      [noc([here, there], [ada], 'Secret'), noc([here])],
    ] as const)
      expect(JSON.stringify(entriesOf('g', before, after).filter(({ tenantId }) => tenantId !== undefined))).not.toMatch(
        /Secret|NOC|groupId/,
      );
  });

  it('is not in the chain of a tenant for which nothing changes', () => {
    const entries = entriesOf('g', noc([here, there]), noc([here, everywhere], [ada], 'Desk'));
    expect(entries.map(({ tenantId }) => tenantId)).toEqual([undefined, 't2']);
    expect(entries[1]!.detail).toEqual({ before: { grants: [there] }, membersRemoved: [ada] });
  });

  it('has, for a tenant in which it gives no role, no members', () => {
    const [, , entry] = entriesOf('g', noc([here], [ada]), noc([here, there], [ada, lars]));
    expect(entry).toMatchObject({ tenantId: 't2', detail: { after: { grants: [there] }, membersAdded: [ada, lars] } });
  });
});

it('that is as before has no entry', () => {
  expect(entriesOf('g', noc([here, there]), noc([there, here]))).toEqual([]);
});
