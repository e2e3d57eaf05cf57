import { expect, test } from 'vitest';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { needsOf, overviewSentence } from './need.ts';

const NOW = Date.parse('2026-11-23T08:17:00Z');

function gateway(name: string, over: Partial<Gateway> = {}, usage: Partial<NonNullable<Gateway['usage']>> = {}): Gateway {
  return {
    id: name, tenantId: 't', tenantName: 'Pine Logistics', siteId: 's', siteName: 'Lyon', name, tags: [], state: 'online', since: '2026-11-23T07:41:00Z', wans: [],
    usage: { at: '2026-11-23T08:16:57Z', count: 1000, max: 65_536, ...usage }, ...over,
  };
}

test('rank is by minutes to full, then flows on a dead WAN, then drops, then silence', () => {
  const needs = needsOf([
    gateway('caen', { state: 'offline' }), gateway('bilbao', {}, { drops: 400, insertFailed: 12 }),
    gateway('milano', { wans: [{ name: 'WAN1', interface: 'eth1', addresses: [], isUp: false, flows: 208 }] }),
    gateway('porto', {}, { count: 59_000, minutesToFull: 88, perMinute: 74 }), gateway('lyon', {}, { count: 55_000, minutesToFull: 27, perMinute: 1500 }), gateway('quiet'),
  ], NOW);
  expect(needs.map(({ gateway: { name }, why, measure }) => `${name} ${why} ${measure}`)).toEqual(['lyon filling 27 min', 'porto filling 1 h 28 min', 'milano stranded 208 flows', 'bilbao drops 412 drops', 'caen offline 36 min']);
  expect(overviewSentence(needs, [])).toBe('No gateway is enrolled yet');
  expect(overviewSentence(needs, [gateway('lyon')])).toBe('lyon needs you first: full in about 27 min');
});

test('a full table comes before one that fills', () => {
  const needs = needsOf([gateway('a', {}, { count: 60_000, minutesToFull: 3 }), gateway('b', {}, { count: 65_536 })], NOW);
  expect(needs.map(({ gateway: { name }, word }) => `${name} ${word}`)).toEqual(['b Full', 'a Filling up']);
});

test('a nearly empty table that grows is no event, a half full one is', () => {
  expect(needsOf([gateway('a', {}, { count: 800, minutesToFull: 350, perMinute: 180 })], NOW)).toEqual([]);
  expect(needsOf([gateway('a', {}, { count: 40_000, minutesToFull: 350, perMinute: 73 })], NOW)).toHaveLength(1);
  expect(needsOf([gateway('a', {}, { count: 800, minutesToFull: 20, perMinute: 3200 })], NOW)).toHaveLength(1);
});

test('a quiet fleet says so with its numbers', () => {
  expect(overviewSentence([], [gateway('a'), gateway('b', {}, { count: 9000 })])).toBe('Quiet: 2 of 2 gateways up, none above 20 %');
});

test('what is not known is no need and no zero', () => {
  expect(needsOf([gateway('a', { usage: undefined }), gateway('b', {}, { max: undefined })], NOW)).toEqual([]);
});

test('the action leads to the flows that are the cause', () => {
  const [need] = needsOf([gateway('lyon', {}, { count: 55_000, minutesToFull: 27, byState: { TIME_WAIT: 41_870, ESTABLISHED: 900 }, topSources: [{ address: '10.2.3.4', flows: 9 }] })], NOW);
  expect(need).toMatchObject({ evidence: '76 % TIME_WAIT, most from 10.2.3.4', action: { text: 'Review 41,870 flows', path: '/connections?gateway=lyon&filter=state%3Atime-wait' } });
});
