import { describe, expect, it } from 'vitest';
import { whyHoldBack, type GatewayRun, type RevisionRecord } from './hold-back.ts';

const NOW = 10_000_000;
const runs = (count: number, change: Partial<GatewayRun> = {}, first = 0): GatewayRun[] =>
  Array.from({ length: count }, (_, n) => ({
    gatewayId: `g${first + n}`,
    tenantId: 'a',
    isFailed: false,
    ended: 10,
    reportedAtMs: NOW - 1000,
    ...change,
  }));
const why = (change: Partial<RevisionRecord>): string | undefined =>
  whyHoldBack(
    { trigger: { kind: 'wan-down' }, isOfAllTenants: false, gateways: 100, runs: [], mayEndAlone: () => undefined, ...change },
    NOW,
  );

describe('a remediation is held back', () => {
  it('after the first failure among few gateways, and the second among many', () => {
    expect(why({ runs: runs(1, { isFailed: true }) })).toBe('1 of 1 gateway failed, or did not end what they should within an hour');
    expect(why({ runs: [...runs(30), ...runs(1, { isFailed: true }, 30)] })).toBeUndefined();
    expect(why({ runs: [...runs(300), ...runs(2, { isFailed: true }, 300)] })).toContain('2 of 302');
  });

  it('not for what one gateway reports of a remediation of all tenants, nor for what it reported an hour ago', () => {
    expect(why({ isOfAllTenants: true, runs: runs(1, { isFailed: true }) })).toBeUndefined();
    expect(why({ isOfAllTenants: true, runs: [...runs(1, { isFailed: true }), ...runs(1, { isFailed: true })] })).toBeUndefined();
    expect(why({ isOfAllTenants: true, runs: runs(2, { isFailed: true }) })).toBeDefined();
    expect(why({ runs: runs(2, { isFailed: true, reportedAtMs: NOW - 3_600_000 }) })).toBeUndefined();
  });

  it('if more than a fifth of the fleet fills its tables within a minute, but not if as many WANs fail', () => {
    expect(why({ trigger: { kind: 'table-usage' }, runs: runs(20) })).toBeUndefined();
    expect(why({ trigger: { kind: 'table-usage' }, runs: runs(21) })).toContain('21 of 100 gateways');
    expect(why({ runs: runs(100) })).toBeUndefined();
    expect(why({ trigger: { kind: 'table-usage' }, gateways: 3, runs: runs(2) })).toBeUndefined();
  });

  it('if its gateways together end more of a tenant than one person may, and nobody else approved', () => {
    expect(why({ runs: runs(10), mayEndAlone: () => 99 })).toContain('100 flows');
    expect(why({ runs: [...runs(9), ...runs(1, { tenantId: 'b' }, 9)], mayEndAlone: () => 99 })).toBeUndefined();
    expect(why({ runs: runs(10) })).toBeUndefined();
  });
});
