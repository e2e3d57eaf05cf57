import { expect, test } from 'vitest';
import type { Flush } from '../../proto/http/flushes.ts';
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
    { name: 'recreated by traffic', flows: 1, tone: 'amber' },
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

test('a block is verified by what was refused, or by that nothing came', () => {
  const blocked = (packetsRefused: string) => ({ blocked: { packetsRefused, words: '' } }) as Flush['targets'][number];
  expect(blockedSentence({ targets: [blocked('13'), blocked('1')] })).toBe(
    'Blocked; 14 packets were refused when the gateways looked again.',
  );
  expect(blockedSentence({ targets: [blocked('0')] })).toBe('Blocked; nothing had come when the gateways looked again.');
  expect(blockedSentence({ targets: [{} as Flush['targets'][number]] })).toBeUndefined();
});
