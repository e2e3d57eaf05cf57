import { describe, expect, test } from 'vitest';
import type { ActualPolicy } from '../../../proto/model/policy/actual.ts';
import { differenceOf } from '../../../proto/model/policy/difference.ts';
import type { PolicyDocument } from '../../../proto/model/policy/document.ts';
import { effectivePolicy } from '../../../proto/model/policy/effective.ts';
import { MemoryPolicyKernel } from '../../../test/support/memory-policy-kernel.ts';
import { BUSY, policyOf, SETTINGS } from '../../../test/support/policy-changing.ts';
import type { FoundTable } from '../read-ruleset.ts';
import { rulesIn } from '../rules-in.ts';
import { rulesetOf } from '../ruleset.ts';
import { changeSetOf, digestOf, isAsWritten } from './change-set.ts';

function changesOf(document: PolicyDocument, { found, ...actual }: Partial<ActualPolicy> & { found?: FoundTable } = {}) {
  const { values: wanted } = effectivePolicy([{ policyId: '', level: 'gateway', document }]);
  const is: ActualPolicy = {
    settings: SETTINGS,
    unsettable: {},
    helpers: [{ name: 'ftp', isLoaded: true }],
    ...(found && { table: rulesIn(found) }),
    ...actual,
  };
  return changeSetOf({ wanted, difference: differenceOf(wanted, is), actual: is, found, spared: [] });
}

const foundOf = (document: PolicyDocument): Promise<FoundTable | undefined> =>
  new MemoryPolicyKernel({}, rulesetOf({ rules: document.spec.rules, helpers: document.spec.helpers ?? [] })).table();

describe('the settings of a change', () => {
  test.each([
    ['a table that grows gets its buckets first', { max: 524_288, buckets: 131_072 }, ['nf_conntrack_buckets', 'nf_conntrack_max']],
    ['a table that shrinks gets rid of them last', { max: 65_536, buckets: 16_384 }, ['nf_conntrack_max', 'nf_conntrack_buckets']],
    ['buckets alone are written alone', { buckets: 131_072 }, ['nf_conntrack_buckets']],
  ])('%s', (_, table, order) => {
    const { changes } = changesOf(policyOf({ timeouts: { 'udp.unreplied': 20 }, table }));
    expect(changes.settings.map(({ setting }) => setting)).toEqual([...order, 'nf_conntrack_udp_timeout']);
  });

  test('have what they are now, and nothing that is so already or is refused', () => {
    const { changes, held } = changesOf(
      policyOf({ table: { max: 9000 }, timeouts: { 'udp.unreplied': 20, 'udp.replied': 120, 'dccp.open': 5 } }),
      { unsettable: { nf_conntrack_max: 'it is one for the whole machine' } },
    );
    expect(changes.settings).toEqual([{ setting: 'nf_conntrack_udp_timeout', from: 30, to: 20 }]);
    expect(held.settings).toEqual({ nf_conntrack_udp_timeout: 20, nf_conntrack_udp_timeout_stream: 120 });
  });
});

describe('the table of a change', () => {
  test('has the way back to no table, and to the one that is there', async () => {
    expect(changesOf(BUSY).changes.table?.from).toBeUndefined();
    const found = await foundOf(policyOf({ helpers: ['ftp'] }));
    const { table } = changesOf(BUSY, { found }).changes;
    expect([table?.from, table?.to]).toEqual([found!.table, changesOf(BUSY).changes.table!.to]);
  });

  test('is none where the policy has the rules that are there', async () => {
    const rules = policyOf({ rules: BUSY.spec.rules });
    expect(changesOf(rules, { found: await foundOf(rules) }).changes.table).toBeUndefined();
  });

  test('is none where nft is missing, which refuses the rules alone', () => {
    const { changes } = changesOf(BUSY, { noTable: 'nft is not there' });
    expect([changes.table, changes.settings.length]).toEqual([undefined, 5]);
  });

  test('is refused as a whole where somebody has put into it what could not be put back', async () => {
    const found = { ...(await foundOf(BUSY))!, strange: ['there is a map m'] };
    expect(() => changesOf(policyOf({}), { found })).toThrow(/could not be put back as it is: there is a map m\. .*nft delete table/);
    expect(changesOf(policyOf({ rules: BUSY.spec.rules, helpers: ['ftp'] }), { found }).changes.table).toBeUndefined();
  });
});

test('the digest is that of what is done, and of what is there before', async () => {
  const digests = [
    changesOf(BUSY),
    changesOf(policyOf({ ...BUSY.spec, accounting: false })),
    changesOf(BUSY, { found: await foundOf(policyOf({ helpers: ['ftp'] })) }),
  ].map(({ changes }) => changes.digest);
  expect(new Set(digests).size).toBe(3);
  const { digest, ...changes } = changesOf(BUSY).changes;
  expect([digest, digest]).toEqual([digests[0], digestOf(changes)]);
});

test('buckets may be some more than was written, and nothing else may be', () => {
  expect(isAsWritten('nf_conntrack_buckets', 1000, 1024)).toBe(true);
  expect(isAsWritten('nf_conntrack_buckets', 1000, 999)).toBe(false);
  expect(isAsWritten('nf_conntrack_buckets', 1000, 65_536)).toBe(false);
  expect(isAsWritten('nf_conntrack_max', 1000, 1024)).toBe(false);
  expect(isAsWritten('nf_conntrack_max', 1000, undefined)).toBe(false);
});
