import { describe, expect, test } from 'vitest';
import type { PlannedGateway, PolicyPlan } from '../../proto/http/policy-plans.ts';
import { EFFECT_KINDS } from '../../proto/model/policy/effects.ts';
import { changedGateways, effectsOf, EFFECTS, effectWords, needsCount, stoppedWords } from './policy-effect-words.ts';

const change = (kind: 'set' | 'refused') => ({
  on: 'setting' as const,
  path: 'timeouts.icmp',
  setting: 'nf_conntrack_icmp_timeout',
  from: 30,
  to: 10,
  verdict: kind === 'set' ? { kind } : { kind, reason: 'not here' },
});
const gateway = (name: string, over: Partial<PlannedGateway> = {}, stopped = 0): PlannedGateway => ({
  gatewayId: name,
  gatewayName: name,
  tenantId: 't',
  tenantName: 'T',
  state: 'answered',
  difference: { changes: [change('set')], unchanged: 0, isReordered: false, strange: [] },
  effects: {
    effects: [
      ...(stopped > 0 ? [{ kind: 'stopped' as const, path: 'rules.guests', flows: stopped, why: 'it is stricter.' }] : []),
      { kind: 'timeout-shortens', path: 'timeouts.icmp', flows: 4, why: 'it is shorter.' },
    ],
    tableCount: 900,
    stopped: [],
    flowsLeft: 0,
  },
  warnings: [],
  ...over,
});
const plan = (...gateways: PlannedGateway[]): PolicyPlan => ({
  digest: 'd',
  plannedAt: '2026-11-30T09:00:00Z',
  isApplied: false,
  gateways,
  unreached: 0,
});

test('every effect has its words, for one flow and for many', () => {
  expect(Object.keys(EFFECTS)).toEqual([...EFFECT_KINDS]);
  expect([effectWords('stopped', 1), effectWords('stopped', 1200)]).toEqual(['1 flow ends', '1,200 flows end']);
  expect(effectWords('loses-helper', 2)).toBe('2 flows lose their helper');
});

test('a plan sums up what it does to flows, what ends first, and on how many gateways', () => {
  expect(effectsOf(plan(gateway('a', {}, 3), gateway('b', {}, 2), gateway('c', { effects: undefined })))).toEqual([
    { kind: 'stopped', flows: 5, gateways: 2 },
    { kind: 'timeout-shortens', flows: 8, gateways: 2 },
  ]);
});

describe('a roll-out', () => {
  const nothing = { changes: [change('refused')], unchanged: 1, isReordered: false, strange: [] };

  test('is for gateways on which something can be set, or rules be put in another order', () => {
    const reordered = gateway('c', { difference: { ...nothing, changes: [], isReordered: true } });
    const all = plan(gateway('a'), gateway('b', { difference: nothing }), reordered, gateway('d', { difference: undefined }));
    expect(changedGateways(all).map(({ gatewayName }) => gatewayName)).toEqual(['a', 'c']);
  });

  test('takes the number typed where it cuts somebody off, ends many flows, or is for several tenants', () => {
    const danger = { code: 'short-established', severity: 'danger', path: 'x', message: 'm', reason: 'r' } as const;
    expect(needsCount(plan(gateway('a', {}, 1000), gateway('b')))).toBe(false);
    expect(needsCount(plan(gateway('a', {}, 1000), gateway('b', {}, 1)))).toBe(true);
    expect(needsCount(plan(gateway('a'), gateway('b', { tenantId: 'u' })))).toBe(true);
    expect(needsCount(plan(gateway('a', { warnings: [danger] })))).toBe(true);
    expect(needsCount(plan(gateway('a', { warnings: [danger], difference: nothing })))).toBe(false);
  });
});

test('a list of flows that end says whether it is all of them', () => {
  const flows = [{}, {}] as never[];
  expect(stoppedWords({ stopped: flows, flowsLeft: 0 })).toBe('the exact 2 flows that would end');
  expect(stoppedWords({ stopped: flows, flowsLeft: 310 })).toBe('2 of 312 flows that would end');
});
