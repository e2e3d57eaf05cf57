import { expect, it } from 'vitest';
import { planDeliveries, type PlanningReceiver, type UntoldTransition } from './planning.ts';

const receiver = (id: string, over: Partial<PlanningReceiver> = {}): PlanningReceiver => ({
  id,
  tenantId: null,
  name: id,
  kind: 'email',
  severities: ['critical'],
  addresses: [`${id}@example.net`],
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
