import { describe, expect, it } from 'vitest';
import type { PolicyChange } from '../../proto/model/policy/difference.ts';
import { DEFAULT_LIMITS } from '../plans/may-end.ts';
import { whySecondPerson, type ChangedGateway } from './second-person.ts';

const SET = { kind: 'set' } as const;
const ICMP: PolicyChange = { on: 'setting', path: 'timeouts.icmp', setting: 'nf_conntrack_icmp_timeout', from: 30, to: 10, verdict: SET };
const MAX: PolicyChange = { on: 'setting', path: 'table.max', setting: 'nf_conntrack_max', from: 1000, to: 2000, verdict: SET };
const OFF: PolicyChange = { on: 'rule', path: 'rules.dns', rule: 'dns', to: { name: 'dns', match: {}, mode: 'off' }, verdict: SET };

let count = 0;
const gateway = (changes: PolicyChange[], more: Partial<ChangedGateway> = {}): ChangedGateway => ({
  gatewayId: `g${++count}`,
  tenantId: 't1',
  siteId: 's1',
  stopped: 0,
  difference: { changes, isReordered: false, strange: [] },
  ...more,
});
const why = (...gateways: ChangedGateway[]) => whySecondPerson(gateways, () => DEFAULT_LIMITS);

describe('a second person for a roll-out', () => {
  it('is not needed for the gateways of one site', () => {
    expect(why(gateway([ICMP]), gateway([ICMP]), gateway([ICMP]))).toBeUndefined();
  });

  it('is needed for gateways of several sites', () => {
    expect(why(gateway([ICMP]), gateway([ICMP], { siteId: 's2' }))).toBe('it changes gateways of several sites');
  });

  it('is needed for gateways of several tenants, and for neither where they let one person do everything', () => {
    const far = [gateway([MAX, OFF]), gateway([MAX, OFF], { tenantId: 't2', siteId: 's2' })];
    expect(why(...far)).toBe('it changes gateways of several tenants');
    const free = { ...DEFAULT_LIMITS, isEverything: false, areSeveralTenants: false };
    expect(whySecondPerson(far, () => free)).toBeUndefined();
    expect(whySecondPerson(far, (tenantId) => (tenantId === 't1' ? free : { ...free, isEverything: true }))).toMatch(/several sites/);
  });

  it.each([
    ['switches tracking off', OFF, 'it switches tracking off on several gateways'],
    ['sets how large tables are', MAX, 'it sets the size of several tables'],
  ])('is needed for what %s on more than one gateway', (_, change, reason) => {
    expect(why(gateway([change]), gateway([ICMP]))).toBeUndefined();
    expect(why(gateway([change]), gateway([change]))).toBe(reason);
  });

  it('is not needed for what is refused there, is there already, or goes', () => {
    const refused: PolicyChange = { ...MAX, verdict: { kind: 'refused', reason: 'it is one value for the whole machine' } };
    const gone: PolicyChange = { on: 'rule', path: 'rules.dns', rule: 'dns', from: { name: 'dns', match: {}, mode: 'off' }, verdict: SET };
    const there: PolicyChange = { ...OFF, verdict: { kind: 'unchanged' } };
    expect(why(gateway([refused, gone, there]), gateway([refused, gone, there]))).toBeUndefined();
  });

  it('is needed where it stops more flows than one person may end', () => {
    expect(why(gateway([ICMP], { stopped: 5000, tableCount: 1_000_000 }))).toBeUndefined();
    expect(why(gateway([ICMP], { stopped: 5001, tableCount: 1_000_000 }))).toMatch(/^of the flows that it stops: .*5001/);
    expect(why(gateway([ICMP], { stopped: 4000, tableCount: 10_000 }))).toMatch(/^of the flows that it stops: /);
  });
});
