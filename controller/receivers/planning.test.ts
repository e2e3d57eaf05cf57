import { expect, it } from 'vitest';
import type { Hours } from '../../proto/model/alerts/hours.ts';
import { planDeliveries, planReminders, type PlanningReceiver, type UntoldTransition } from './planning.ts';

const MINUTE_MS = 60_000;
const MONDAY_NOON = Date.parse('2026-11-30T12:00:00Z');
const OFFICE: Hours = { timeZone: 'UTC', days: ['mon', 'tue'], from: '08:00', to: '18:00' };
const NIGHT: Hours = { ...OFFICE, from: '18:00', to: '08:00' };
const receiver = (id: string, over: Partial<PlanningReceiver> = {}): PlanningReceiver => ({
  id,
  tenantId: null,
  name: id,
  kind: 'email',
  severities: ['critical'],
  addresses: [`${id}@example.net`],
  hours: null,
  remindMinutes: null,
  createdAt: new Date(0),
  ...over,
});
const happened = (transition: string, over: Partial<UntoldTransition> = {}): UntoldTransition => ({
  id: `t-${transition}`,
  alertId: 'a',
  tenantId: 'acme',
  transition,
  state: 'raised',
  severity: 'critical',
  title: 'full',
  parentId: null,
  ...over,
});
const told = (transitions: UntoldTransition[], receivers: PlanningReceiver[], before: string[] = []) =>
  planDeliveries(
    transitions,
    receivers,
    before.map((receiverId) => ({ alertId: 'a', receiverId, address: `${receiverId}@example.net` })),
    MONDAY_NOON,
  ).map(({ reason, receiver: { id }, address }) => `${reason} ${id} ${address}`);

it('an alert is told to receivers of its tenant and of all tenants, by severity, each address once', () => {
  const receivers = [
    receiver('all', { addresses: ['a@example.net', 'b@example.net'] }),
    receiver('own', { tenantId: 'acme' }),
    receiver('others', { tenantId: 'pine' }),
    receiver('info', { severities: ['info'] }),
  ];
  expect(told([happened('raised')], receivers)).toEqual([
    'raised all a@example.net',
    'raised all b@example.net',
    'raised own own@example.net',
  ]);
  expect(told([happened('raised', { tenantId: null })], receivers)).toEqual(['raised all a@example.net', 'raised all b@example.net']);
});

it('parts of another alert, silenced and acknowledged ones are not told; a silence that ends tells what is still raised, once', () => {
  const receivers = [receiver('all')];
  expect(told([happened('raised', { parentId: 'p' })], receivers)).toEqual([]);
  for (const state of ['silenced', 'acknowledged', 'cleared']) expect(told([happened('raised', { state })], receivers)).toEqual([]);
  for (const other of ['grew', 'noted', 'assigned', 'acknowledged', 'silenced']) expect(told([happened(other)], receivers)).toEqual([]);
  expect(told([happened('unsilenced'), happened('unsilenced', { id: 'again' })], receivers)).toEqual(['raised all all@example.net']);
});

it('that it was cleared goes to whoever was told that it was raised, whatever the receiver is set to by now, unless it is off', () => {
  const cleared = happened('cleared', { state: 'cleared' });
  expect(told([cleared], [receiver('all'), receiver('new')])).toEqual([]);
  expect(told([cleared], [receiver('all'), receiver('new')], ['all', 'off'])).toEqual(['cleared all all@example.net']);
  const changed = receiver('all', { severities: ['info'], addresses: ['other@example.net'] });
  expect(told([cleared], [changed], ['all'])).toEqual(['cleared all all@example.net']);
  expect(told([happened('raised', { state: 'cleared' }), cleared], [receiver('all')])).toEqual([]);
});

it('what is raised outside a receiver’s hours is not told to it then, and what is cleared is told at any time', () => {
  const receivers = [receiver('office', { hours: OFFICE }), receiver('night', { hours: NIGHT })];
  expect(told([happened('raised')], receivers)).toEqual(['raised office office@example.net']);
  expect(told([happened('cleared', { state: 'cleared' })], receivers, ['night'])).toEqual(['cleared night night@example.net']);
});

/** What is told of one alert that was raised at noon, so many minutes later. */
function reminded(minutes: number, receivers: PlanningReceiver[], toldAfter: Record<string, number> = {}, over: object = {}) {
  const alert = { alertId: 'a', tenantId: 'acme', severity: 'critical', title: 'full', raisedAt: new Date(MONDAY_NOON), ...over };
  const last = Object.entries(toldAfter).map(([receiverId, after]) => ({
    alertId: 'a',
    receiverId,
    address: `${receiverId}@example.net`,
    at: new Date(MONDAY_NOON + after * MINUTE_MS),
  }));
  return planReminders([alert], receivers, last, MONDAY_NOON + minutes * MINUTE_MS).map(
    ({ reason, receiver: { id } }) => `${reason} ${id}`,
  );
}

it('who asks for it is reminded after so long since the last time, and nobody else', () => {
  const receivers = [receiver('often', { remindMinutes: 30 }), receiver('once')];
  expect(reminded(29, receivers, { often: 0, once: 0 })).toEqual([]);
  expect(reminded(30, receivers, { often: 0, once: 0 })).toEqual(['reminder often']);
  expect(reminded(59, receivers, { often: 30, once: 0 })).toEqual([]);
  expect(reminded(30, receivers, { often: 0 }, { severity: 'info' })).toEqual([]);
  expect(reminded(30, [receiver('pine', { remindMinutes: 30, tenantId: 'pine' })], { pine: 0 })).toEqual([]);
});

it('when its hours begin, a receiver is told of what is still raised, once, and is reminded within them only', () => {
  const night = receiver('night', { hours: NIGHT, remindMinutes: 60 });
  expect(reminded(359, [night])).toEqual([]);
  expect(reminded(360, [night])).toEqual(['raised night']);
  expect(reminded(361, [night], { night: 360 })).toEqual([]);
  expect(reminded(420, [night], { night: 360 })).toEqual(['reminder night']);
  // On the next day at noon it is asleep again.
  expect(reminded(24 * 60, [night], { night: 420 })).toEqual([]);
});

it('a receiver that is younger than an alert is told nothing of it', () => {
  const young = receiver('young', { hours: OFFICE, remindMinutes: 5, createdAt: new Date(MONDAY_NOON + 1) });
  expect(reminded(60, [young])).toEqual([]);
});
