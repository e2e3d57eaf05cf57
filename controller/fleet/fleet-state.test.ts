import { expect, it } from 'vitest';
import { idOf, LIVES, reading } from '../../test/support/gateway-reading.ts';
import { SILENCE_MS } from '../link/session.ts';
import { FleetState } from './fleet-state.ts';

function stateOf(...readings: ReturnType<typeof reading>[]): FleetState {
  const state = new FleetState(LIVES);
  state.put([], readings, 0);
  return state;
}

const namesOf = (state: FleetState, ...tenants: number[]): string[] =>
  [...state.seenBy(new Set(tenants.map((tenant) => idOf(1000 + tenant))))].map(({ name }) => name);

it('shows a tenant its own gateways, by every way to look', () => {
  const state = stateOf(reading(1, { tenant: 1 }), reading(2, { tenant: 2 }));
  const seen = state.seenBy(new Set([idOf(1001)]));
  expect([...seen].map(({ id }) => id)).toEqual([idOf(1)]);
  expect(seen.ordered('name').map(({ id }) => id)).toEqual([idOf(1)]);
  expect(seen.ordered('place').map(({ id }) => id)).toEqual([idOf(1)]);
  expect([seen.get(idOf(1))?.id, seen.get(idOf(2))]).toEqual([idOf(1), undefined]);
  expect(namesOf(state)).toEqual([]);
  expect([...state.seenBy('all')]).toHaveLength(2);
});

it('a gateway that moves to another tenant is seen there and no longer here', () => {
  const state = stateOf(reading(1, { tenant: 1 }));
  state.put([idOf(1)], [reading(1, { tenant: 2 })], 0);
  expect([namesOf(state, 1), namesOf(state, 2)]).toEqual([[], ['gw1']]);
});

it('what was asked for and is not there any more is forgotten', () => {
  const state = stateOf(reading(1), reading(2), reading(3));
  state.put([idOf(1), idOf(2)], [reading(2)], 0);
  expect(namesOf(state, 1)).toEqual(['gw2', 'gw3']);
  state.keepOnly(new Set([idOf(3)]));
  expect(namesOf(state, 1)).toEqual(['gw3']);
});

it('a gateway goes silent, a certificate overdue and a sample old by time alone', () => {
  const state = stateOf(reading(1, { row: { certificateEndsAt: new Date(2 * LIVES.certificateMs) }, usage: {} }));
  const look = (nowMs: number) => {
    state.advance(nowMs);
    const { gateway } = state.seenBy('all').get(idOf(1))!;
    return [gateway!.state, gateway!.certificate!.isOverdue, gateway!.usage !== undefined];
  };
  expect(look(SILENCE_MS)).toEqual(['online', false, true]);
  expect(look(SILENCE_MS + 1)).toEqual(['offline', false, true]);
  expect(look(1.75 * LIVES.certificateMs + 1)).toEqual(['offline', true, true]);
  expect(look(3_600_001)).toEqual(['offline', true, false]);
});

it('a clock that was ahead and is set right takes what it had claimed with it', () => {
  const state = stateOf(reading(1));
  const look = (nowMs: number) => {
    state.advance(nowMs);
    return state.seenBy('all').get(idOf(1))!.gateway!.state;
  };
  expect([look(30 * 86_400_000), look(30 * 86_400_000 - 1000), look(1000)]).toEqual(['offline', 'offline', 'online']);
});

it('checks a gateway before it counts as silent, and again less and less often', () => {
  const state = stateOf(reading(1), reading(2, { closedAtMs: 5 }));
  expect(state.toCheck(SILENCE_MS - 5001)).toEqual([]);
  expect(state.toCheck(SILENCE_MS - 5000)).toEqual([idOf(1)]);
  let nowMs = SILENCE_MS - 5000;
  const checks: number[] = [];
  for (; nowMs < 600_000; nowMs += 1000)
    if (state.toCheck(nowMs).length > 0) {
      checks.push(nowMs);
      state.put([idOf(1)], [reading(1)], nowMs);
    }
  expect(checks.slice(0, 2)).toEqual([SILENCE_MS - 5000, SILENCE_MS]);
  expect(checks.length).toBeLessThan(25);
});

it('an unchanged gateway stays the same object, so that a stream can tell', () => {
  const state = stateOf(reading(1), reading(2));
  const before = [...state.seenBy('all')];
  state.put([idOf(2)], [reading(2, { name: 'other' })], 10);
  state.advance(20);
  const after = [...state.seenBy('all')];
  expect([after[0] === before[0], after[1] === before[1]]).toEqual([true, false]);
});

it('orders names as people count, and by place, also after a rename', () => {
  const state = stateOf(reading(1, { name: 'gw10', siteName: 'A' }), reading(2, { name: 'gw9', siteName: 'B' }));
  const ordered = (order: 'name' | 'place') =>
    state
      .seenBy('all')
      .ordered(order)
      .map(({ name }) => name);
  expect([ordered('name'), ordered('place')]).toEqual([
    ['gw9', 'gw10'],
    ['gw10', 'gw9'],
  ]);
  state.put([idOf(1)], [reading(1, { name: 'gw1', siteName: 'C' })], 0);
  expect([ordered('name'), ordered('place')]).toEqual([
    ['gw1', 'gw9'],
    ['gw9', 'gw1'],
  ]);
});

it('a row that cannot be shown says why, and hides no other', () => {
  const state = stateOf(reading(1, { usage: { count: NaN } }), reading(2));
  const [bad, good] = [...state.seenBy('all')];
  expect([bad!.gateway, bad!.unreadable, good!.gateway?.name]).toEqual([undefined, 'NaN is not a number that can be shown', 'gw2']);
});
