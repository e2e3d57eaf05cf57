import { describe, expect, it } from 'vitest';
import type { ActualPolicy } from './actual.ts';
import { changeCount, differenceDigest } from './difference-digest.ts';
import { differenceOf } from './difference.ts';
import type { PolicyValues } from './document.ts';

const WANTED: PolicyValues = {
  table: { max: 1000 },
  timeouts: { icmp: 10 },
  rules: [{ name: 'trunk', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, idleTimeoutSeconds: 60 }],
};
const ACTUAL: ActualPolicy = {
  settings: { nf_conntrack_max: 2000, nf_conntrack_icmp_timeout: 30 },
  unsettable: { nf_conntrack_max: 'it is one value for the whole machine' },
  helpers: [],
};
const hex = (wanted: PolicyValues, actual: ActualPolicy): string =>
  Buffer.from(differenceDigest(differenceOf(wanted, actual))).toString('hex');

describe('the digest of a difference', () => {
  it('is the same for the same difference, whatever the order in which it was written', () => {
    const { settings, ...rest } = ACTUAL;
    expect(hex({ ...WANTED, timeouts: { icmp: 10 } }, { ...rest, settings: { ...settings } })).toBe(hex(WANTED, ACTUAL));
    expect(hex(WANTED, ACTUAL)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is another one for another value that is wanted or found, for what can no longer be set, and for what others left', () => {
    const others: [PolicyValues, ActualPolicy][] = [
      [{ ...WANTED, timeouts: { icmp: 11 } }, ACTUAL],
      [{ ...WANTED, rules: [{ ...WANTED.rules[0]!, idleTimeoutSeconds: 61 }] }, ACTUAL],
      [WANTED, { ...ACTUAL, settings: { ...ACTUAL.settings, nf_conntrack_icmp_timeout: 31 } }],
      [WANTED, { ...ACTUAL, unsettable: {} }],
      [WANTED, { ...ACTUAL, noTable: 'nft is missing' }],
      [WANTED, { ...ACTUAL, table: { rules: WANTED.rules, helpers: [], strange: [] } }],
      [WANTED, { ...ACTUAL, table: { rules: [], helpers: [], strange: ['chain other'] } }],
    ];
    const digests = [[WANTED, ACTUAL] as const, ...others].map((one) => hex(...one));
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('does not depend on how a reason is worded', () => {
    expect(hex(WANTED, { ...ACTUAL, unsettable: { nf_conntrack_max: 'the whole machine has one value' } })).toBe(hex(WANTED, ACTUAL));
  });
});

describe('how many values would be set', () => {
  it('leaves out what is refused and what is there already', () => {
    expect(changeCount(differenceOf(WANTED, ACTUAL))).toBe(2);
    expect(changeCount(differenceOf({ table: {}, timeouts: { icmp: 30 }, rules: [] }, ACTUAL))).toBe(0);
  });

  it('counts another order of the same rules', () => {
    const rules = ['a', 'b'].map((name) => ({ name, match: { proto: 'udp' }, mode: 'off' as const }));
    const found = { ...ACTUAL, table: { rules, helpers: [], strange: [] } };
    expect(changeCount(differenceOf({ table: {}, timeouts: {}, rules: rules.toReversed() }, found))).toBe(1);
  });
});
