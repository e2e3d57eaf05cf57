import { expect, test } from 'vitest';
import type { Flush } from '../../../proto/http/flushes.ts';
import type { Plan } from '../../../proto/http/plans.ts';
import { evidenceCsv, evidenceJson } from './evidence.ts';
import { refusedSentences, sparedSentence } from './block-words.ts';
import {
  blockedSentence,
  flushSentence,
  inOrder,
  retriable,
  segments,
  troubleSentence,
  undoSeconds,
  withEvent,
  type Target,
} from './flush-words.ts';
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

const none = {
  planned: 0,
  deleted: 0,
  rebuilt: 0,
  gone: 0,
  protected: 0,
  reappeared: 0,
  failed: 0,
  indeterminate: 0,
  reset: 0,
  blocked: 0,
  expiring: 0,
  restored: 0,
  occupied: 0,
  cancelled: 0,
};

function target(gatewayName: string, state: Target['state'], totals: Partial<Target['totals']>): Target {
  return { gatewayId: gatewayName, gatewayName, state, done: 0, wave: 1, totals: { ...none, ...totals } };
}

function flushOf(state: Flush['state'], targets: Target[]): Flush {
  const totals = targets.reduce(
    (sum, one) =>
      Object.fromEntries(Object.entries(sum).map(([key, value]) => [key, value + one.totals[key as keyof typeof none]])) as typeof none,
    none,
  );
  return {
    id: 'f',
    planId: 'p',
    kind: 'run',
    state,
    filter: 'proto:udp',
    isEverything: false,
    method: 'delete',
    wave: 1,
    waves: 1,
    reason: 'r',
    digest: 'd',
    createdBy: 'night desk',
    startedAt: '2026-11-23T08:16:12Z',
    notAfter: '2026-11-23T08:32:12Z',
    tenants: [],
    totals,
    targets,
  };
}

const mixed = flushOf('running', [
  target('tours-gw1', 'waiting', { planned: 139 }),
  target('lyon-gw1', 'verified', { planned: 212, deleted: 210, gone: 2 }),
  target('brest-gw2', 'offline', { planned: 102 }),
  target('lille-gw1', 'reappeared', { planned: 174, deleted: 170, reappeared: 4 }),
  target('nice-gw1', 'running', { planned: 312, deleted: 180 }),
]);

test('trouble comes first, then what runs, waits and is verified', () => {
  expect(inOrder(mixed.targets).map(({ gatewayName }) => gatewayName)).toEqual([
    'brest-gw2',
    'lille-gw1',
    'nice-gw1',
    'tours-gw1',
    'lyon-gw1',
  ]);
});

test('the total bar adds up to the planned count', () => {
  const parts = segments(mixed);
  expect(parts.reduce((sum, { flows }) => sum + flows, 0)).toBe(mixed.totals.planned);
  expect(Object.fromEntries(parts.map(({ name, flows }) => [name, flows]))).toMatchObject({
    'deleted and verified': 380,
    'deleted, not verified yet': 180,
    offline: 102,
    waiting: 271,
  });
});

test('every sentence about an end has its numbers', () => {
  expect(flushSentence(mixed)).toBe('560 of 939 flows deleted so far');
  expect(troubleSentence(mixed)).toBe('4 reappeared at lille-gw1, 2 had ended by themselves, brest-gw2 is offline.');
  expect(troubleSentence(flushOf('verified', [target('a', 'verified', { planned: 3, deleted: 3 })]))).toBeUndefined();
});

test('other methods and undo have their own words, and numbers too', () => {
  const blocked = flushOf('partial', [target('a', 'partial', { planned: 5, blocked: 3, cancelled: 2 })]);
  expect(flushSentence({ ...blocked, method: 'block' })).toBe('Partial: 3 of 5 flows blocked');
  expect(troubleSentence({ ...blocked, stopReason: 'two gateways failed' })).toBe('two gateways failed, 2 left alone.');
  const undone = flushOf('partial', [target('a', 'partial', { planned: 5, restored: 4, occupied: 1 })]);
  expect(flushSentence({ ...undone, kind: 'undo' })).toBe('Partial: 4 of 5 flows put back');
  expect(segments({ ...undone, kind: 'undo' })).toEqual([
    { name: 'put back and verified', flows: 4, tone: 'green' },
    { name: 'made anew by traffic', flows: 1, tone: 'amber' },
  ]);
});

test('undo counts down to its end, is offered once, and never for an undo', () => {
  const over = { kind: 'run', state: 'verified', undoUntil: '2026-11-23T08:20:00Z' } as const;
  expect(undoSeconds({ ...over, undoneBy: undefined }, Date.parse('2026-11-23T08:19:00Z'))).toBe(60);
  expect(undoSeconds({ ...over, undoneBy: undefined }, Date.parse('2026-11-23T08:20:00Z'))).toBeUndefined();
  expect(undoSeconds({ ...over, undoneBy: 'f2' }, Date.parse('2026-11-23T08:19:00Z'))).toBeUndefined();
  expect(undoSeconds({ ...over, kind: 'undo', undoneBy: undefined }, Date.parse('2026-11-23T08:19:00Z'))).toBeUndefined();
});

test('a retry is for gateways that failed or were not reached, and only after the end', () => {
  const targets = [
    target('a', 'failed', {}),
    target('b', 'expired', {}),
    target('o', 'offline', {}),
    target('c', 'verified', {}),
    target('d', 'reappeared', {}),
  ];
  expect(retriable(flushOf('partial', targets)).map(({ gatewayName }) => gatewayName)).toEqual(['a', 'b', 'o']);
  expect(retriable(flushOf('running', targets))).toEqual([]);
});

test('evidence names every flow with its outcome, and no cell can be taken for a formula', () => {
  const flow = {
    gatewayId: 'g',
    id: 7,
    family: 4,
    proto: 'udp',
    status: ['assured'],
    orig: { src: '10.0.0.1', dst: '192.0.2.1', sport: 5060, dport: 5060 },
    reply: { src: '192.0.2.1', dst: '203.0.113.1', sport: 5060, dport: 5060 },
    mark: 0,
    zone: 0,
    labels: ['=1+1'],
    outcome: 'deleted',
  } as const;
  const lines = evidenceCsv([{ ...flow, status: [...flow.status], labels: [...flow.labels] }], () => 'milano-gw1').split('\r\n');
  expect(lines[0]).toBe(
    'gateway,outcome,kernel_id,zone,proto,orig_src,orig_sport,orig_dst,orig_dport,reply_src,reply_sport,reply_dst,reply_dport,state,mark,labels',
  );
  expect(lines[1]).toBe("milano-gw1,deleted,7,0,udp,10.0.0.1,5060,192.0.2.1,5060,192.0.2.1,5060,203.0.113.1,5060,,0,'=1+1");
});

test('evidence as JSON names what cannot be shown, and has no such word where all can', () => {
  expect(JSON.parse(evidenceJson(mixed, [], [{ id: '7', reason: 'its address is none' }]))).toMatchObject({
    flows: [],
    unreadable: [{ id: '7', reason: 'its address is none' }],
  });
  expect(evidenceJson(mixed, [], [])).not.toContain('unreadable');
});

test('an event of one gateway changes that gateway and the totals', () => {
  const totals = { ...mixed.totals, deleted: 600 };
  const after = withEvent(mixed, {
    kind: 'target',
    flushId: 'f',
    target: target('nice-gw1', 'verifying', { planned: 312, deleted: 220 }),
    totals,
    state: 'running',
  })!;
  expect(after.totals.deleted).toBe(600);
  expect(after.targets.map(({ state }) => state)).toEqual(['waiting', 'verified', 'offline', 'reappeared', 'verifying']);
  expect(withEvent(undefined, { kind: 'target', flushId: 'f', target: mixed.targets[0]!, totals, state: 'running' })).toBeUndefined();
});

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

test('a block is verified by what was refused, or by that nothing came', () => {
  const blocked = (packetsRefused: string) => ({ blocked: { packetsRefused, words: '' } }) as Flush['targets'][number];
  expect(blockedSentence({ targets: [blocked('13'), blocked('1')] })).toBe(
    'Blocked; 14 packets were refused when the gateways looked again.',
  );
  expect(blockedSentence({ targets: [blocked('0')] })).toBe('Blocked; nothing had come when the gateways looked again.');
  expect(blockedSentence({ targets: [{} as Flush['targets'][number]] })).toBeUndefined();
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
