import { expect, test } from 'vitest';
import type { Plan } from '../../proto/http/plans.ts';
import { refusedSentences, sparedSentence } from './block-words.ts';
import {
  deleteWords,
  differenceWords,
  foldedWords,
  impactWords,
  mayCarryTraffic,
  obstacle,
  planBody,
  suggestedReason,
  trafficWords,
  wavesWords,
} from './plan-words.ts';

const plan = {
  state: 'ready',
  expiresAt: '2026-11-23T08:20:00Z',
  reason: 'WAN1 down',
  ticket: '8843',
  friction: 'type-count',
  totals: { flows: 1846, gateways: 14, sites: 9, leftOut: 1 },
  impact: { matched: 1846, active: 24, idle: 1822, unknownActivity: 0, natted: 1846 },
} as unknown as Plan;
const ready = { nowMs: Date.parse('2026-11-23T08:19:00Z'), reason: 'WAN1 down', ticket: '8843', typed: '1846' };

test('the number is the label', () => {
  expect(deleteWords(plan)).toBe('Delete 1,846 flows on 14 gateways');
  expect(deleteWords({ ...plan, method: 'block' })).toBe('Block 1,846 flows on 14 gateways');
  expect(deleteWords({ totals: { ...plan.totals, flows: 0 }, method: 'block' })).toBe('Block on 14 gateways');
  expect(deleteWords({ totals: { ...plan.totals, flows: 1, gateways: 1 } })).toBe('Delete 1 flow on 1 gateway');
});

test('the button works only for exactly the plan that is shown', () => {
  expect(obstacle(plan, ready)).toBe('none');
  expect(obstacle(plan, { ...ready, typed: '1,846' })).toBe('none');
  expect(obstacle(plan, { ...ready, typed: '184' })).toBe('count-missing');
  expect(obstacle(plan, { ...ready, typed: '' })).toBe('count-missing');
  expect(obstacle(plan, { ...ready, reason: 'another' })).toBe('reason-changed');
  expect(obstacle(plan, { ...ready, nowMs: Date.parse('2026-11-23T08:20:00Z') })).toBe('expired');
  expect(obstacle({ ...plan, friction: 'second-person' }, ready)).toBe('approval-missing');
  expect(obstacle({ ...plan, friction: 'second-person', approval: { by: 'day desk', at: plan.expiresAt } }, ready)).toBe('none');
  expect(obstacle({ ...plan, state: 'run' }, ready)).toBe('run');
  expect(obstacle({ ...plan, totals: { ...plan.totals, flows: 0 } }, ready)).toBe('empty');
});

test('a block without a flow is a plan, confirmed by the number of its gateways, and says what it refuses and what not', () => {
  const refused = { words: 'every packet from and to 10.0.0.2, for 60 s', conditions: ['every packet from and to 10.0.0.2'], seconds: 60 };
  const gateways = [['SSH to the gateway'], []].map((spared, index): Plan['gateways'][number] => ({
    id: `${index}`,
    name: `gw${index}`,
    tenantId: 't',
    siteId: 's',
    state: 'ready',
    flows: 0,
    refused,
    spared,
  }));
  const block: Plan = { ...plan, method: 'block', totals: { ...plan.totals, flows: 0 }, gateways };
  expect(obstacle(block, { ...ready, typed: '' })).toBe('count-missing');
  expect(obstacle(block, { ...ready, typed: '14' })).toBe('none');
  expect(
    obstacle({ ...block, gateways: gateways.map((gateway) => ({ ...gateway, refused: { ...refused, conditions: [] } })) }, ready),
  ).toBe('empty');
  expect(refusedSentences(gateways)).toEqual(['Refused: every packet from and to 10.0.0.2, for 60 s.']);
  expect(sparedSentence(gateways)).toBe('Let through all the same: SSH to the gateway.');
  expect(impactWords({ ...plan.impact, matched: 0 }, 'block')).toBe('No flow is open now; what comes is refused.');
});

test('waves are said as counts of gateways as the plan has them, partners apart, and few gateways have none', () => {
  const words = (waves: number[], areWanted: boolean) =>
    wavesWords({ waves, totals: { flows: 1, gateways: waves.reduce((sum, size) => sum + size, 0), sites: 1, leftOut: 0 } }, areWanted);
  expect(words([1], true)).toBe('one gateway');
  expect(words([2], true)).toBe('all at once: they are few');
  expect(words([1, 4, 20, 75], true)).toBe('first 1, then 5, then 25, then 100 of them');
  expect(words([1, 1], true)).toBe('first 1, then 2 of them');
  expect(words([1, 4, 15], false)).toContain('all at once');
});

test('the method and its seconds are part of what a plan is asked for', () => {
  const asked = { what: { filter: 'proto:tcp' }, scope: {} };
  expect(planBody(asked, 'r', '')).toEqual({ filter: 'proto:tcp', scope: {}, reason: 'r' });
  expect(planBody({ ...asked, method: 'block', forSeconds: 60 }, 'r', '1')).toMatchObject({ method: 'block', forSeconds: 60, ticket: '1' });
  expect(planBody({ ...asked, method: 'delete', forSeconds: 60 }, 'r', '')).not.toHaveProperty('forSeconds');
});

test('a plan that differs from what was seen says by how many', () => {
  expect(differenceWords(1846, plan)).toBeUndefined();
  expect(differenceWords(1847, { ...plan, totals: { ...plan.totals, leftOut: 0 } })).toBe('You saw 1,847; 1 flow ended since.');
  expect(differenceWords(1850, plan)).toContain('You saw 1,850; 4 flows ended since');
  expect(differenceWords(1800, plan)).toContain('46 flows more match now');
});

test('active flows are named as cut, and what is not known is said', () => {
  expect(impactWords(plan.impact)).toBe(
    '24 flows had a packet in the last 10 seconds and are cut. All are translated; the next packet makes a new entry by the route and address that hold then.',
  );
  expect(impactWords({ ...plan.impact, active: 0, idle: 0, unknownActivity: 1846, natted: 0 })).toBe(
    'Of 1,846 it is not known whether they carry traffic: neither timeouts nor counters tell.',
  );
});

test('a selection is said by its number, in the reason and in place of its filter; a filter that people read stays', () => {
  const filter = `proto:udp id:${Array.from({ length: 200 }, (_, index) => 4_000_000_000 + index).join(',')}`;
  expect(suggestedReason({ what: { filter }, scope: {}, expected: 200, isSelection: true })).toBe('200 selected flows');
  expect(foldedWords(filter)).toBe('200 selected flows');
  expect(foldedWords('proto:gre wan:WAN1')).toBeUndefined();
  expect(foldedWords('proto:udp src:10.0.0.1 id:4711')).toBeUndefined();
  const long = Array.from({ length: 80 }, (_, host) => `src:10.0.0.${host}`).join(' or ');
  expect(suggestedReason({ what: { filter: long }, scope: {} })).toMatch(/^Flush of a filter of 1,\d{3} characters$/);
});

test('a flow that may be in use is asked about, also where that is not known', () => {
  const impact = {
    ...plan.impact,
    active: 0,
    unknownActivity: 0,
    predictions: [{ fate: 'breaks' as const, flows: 1, why: 'the server answers with a reset' }],
  };
  expect(mayCarryTraffic(impact)).toBe(false);
  expect([{ active: 1 }, { unknownActivity: 1 }].map((over) => mayCarryTraffic({ ...impact, ...over }))).toEqual([true, true]);
  expect(trafficWords({ ...impact, active: 1 })).toBe(
    'It had a packet in the last 10 seconds. It will break: the server answers with a reset.',
  );
  expect(trafficWords({ ...impact, unknownActivity: 1, predictions: [] })).toBe('Whether it carries traffic is not known.');
});
