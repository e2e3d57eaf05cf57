import { describe, expect, it } from 'vitest';
import type { PlannedGateway } from '../../proto/http/policy-plans.ts';
import { changeWords, matchWords, originWords, plannedWords, planSentence, ruleWords, targetWords } from './policy-words.ts';

const ID = '01a00000-0000-7000-8000-000000000000';
const gateway = (change: Partial<PlannedGateway>): PlannedGateway => ({
  gatewayId: ID,
  gatewayName: 'g',
  tenantId: ID,
  tenantName: 't',
  state: 'answered',
  warnings: [],
  ...change,
});
const icmp = { on: 'setting', path: 'timeouts.icmp', setting: 'nf_conntrack_icmp_timeout', from: 30, to: 600 } as const;
const difference = (kinds: ('set' | 'refused')[]) => ({
  changes: kinds.map((kind) => ({ ...icmp, verdict: kind === 'set' ? { kind } : { kind, reason: 'r' } })),
  unchanged: 3,
  isReordered: false,
  strange: [],
});

describe('a policy in words', () => {
  it.each([
    [{ target: { level: 'fleet' } }, 'all gateways'],
    [{ target: { level: 'tenant' }, tenantName: 'Acme' }, 'all of Acme'],
    [{ target: { level: 'tag', tag: 'vpn' } }, 'tag vpn everywhere'],
    [{ target: { level: 'tag', tag: 'vpn' }, tenantName: 'Acme' }, 'tag vpn'],
    [{ target: { level: 'site', siteName: 'HQ' }, tenantName: 'Acme' }, 'site HQ'],
    [{ target: { level: 'gateway', gatewayName: 'gw1' }, tenantName: 'Acme' }, 'gateway gw1'],
  ] as const)('%j is for %s', (policy, words) => {
    expect(targetWords(policy)).toBe(words);
  });

  it('says where a value is from, also to those who may not know the policy', () => {
    expect(originWords({ level: 'site', of: 'HQ', policy: 'base', isOfInstallation: false })).toBe('base, site HQ');
    expect(originWords({ level: 'fleet', isOfInstallation: true })).toBe('the installation, fleet');
    expect(originWords({ level: 'fleet', policy: 'base', isOfInstallation: true, isByProfile: true })).toBe('base by its profile, fleet');
  });

  it('says of a change what, from what and to what', () => {
    const verdict = { kind: 'set' } as const;
    expect(changeWords({ ...icmp, verdict })).toEqual({ what: 'timeouts.icmp', from: '30 s', to: '10 min' });
    expect(changeWords({ on: 'setting', path: 'table.max', setting: 'nf_conntrack_max', to: 1000, verdict })).toMatchObject({
      from: 'not there',
      to: '1,000',
    });
    expect(changeWords({ on: 'helper', path: 'helpers', helper: 'ftp', from: false, to: true, verdict })).toEqual({
      what: 'helper ftp',
      from: 'off',
      to: 'on',
    });
    expect(changeWords({ on: 'rule', path: 'rules.a', rule: 'a', from: { name: 'a', match: {} }, verdict })).toMatchObject({
      to: 'removed',
    });
  });

  it('says of a gateway of a plan how much would change, and of the plan how many gateways', () => {
    const warning = { code: 'memory', severity: 'danger', path: 'table.max', message: 'm', reason: 'r' } as const;
    const one = gateway({ difference: difference(['set', 'set', 'refused']), warnings: [warning] });
    expect(plannedWords(one)).toEqual({ kind: 'critical', text: '2 changes, 1 refused, 1 warning' });
    const none = gateway({ difference: difference([]) });
    expect(plannedWords(none)).toEqual({ kind: 'ok', text: 'nothing would change' });
    const away = gateway({ state: 'offline', reason: 'has never connected' });
    expect(plannedWords(away)).toEqual({ kind: 'offline', text: 'has never connected' });
    const plan = { digest: 'd', plannedAt: '', isApplied: false, unreached: 0 } as const;
    expect(planSentence({ ...plan, gateways: [one, none, away] })).toBe('It would change 1 of 3 gateways; 1 cannot tell');
    expect(planSentence({ ...plan, gateways: [] })).toBe('It reaches no gateway here');
  });
});

describe('a rule in words', () => {
  it('says what it matches, and that it is everything where it names nothing', () => {
    expect(matchWords({})).toBe('all traffic');
    expect(matchWords({ proto: 'udp', dport: [{ from: 5060, to: 5061 }], src: ['10.1.0.0/16', 'fd00::/8', '192.0.2.7'] })).toBe(
      'udp from 10.1.0.0/16 and 2 more to port 5060-5061',
    );
    expect(matchWords({ iif: ['lan*'], zone: 0, mark: { value: 256, mask: 0xff00 } })).toBe('in by lan* zone 0 mark 0x100/0xff00');
  });

  it('says what holds for it', () => {
    expect(ruleWords({ name: 'r', match: {}, mode: 'normal', idleTimeoutSeconds: 180 })).toBe('normal, idle 3m');
    expect(ruleWords({ name: 'r', match: {}, helper: 'sip', limits: { perSource: 2000, answer: 'reset' } })).toBe(
      'helper sip, at most 2,000 of one source',
    );
  });
});
