import { expect, test } from 'vitest';
import { Impact_Fate as Fate, Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import { ImpactCounter } from './impact.ts';

const flow = (id: number, rest: Partial<Flow> = {}): Flow => ({
  family: 4,
  proto: 17,
  zone: 0,
  id,
  mark: 0,
  labels: [],
  status: IPS.SEEN_REPLY,
  orig: { src: '10.1.0.5', dst: '198.51.100.10', sport: id, dport: 53 },
  reply: { src: '198.51.100.10', dst: '10.1.0.5', sport: 53, dport: id },
  ...rest,
});

function impactOf(...flows: Flow[]) {
  const counter = new ImpactCounter(Method.METHOD_DELETE, 0);
  const through = { kind: 'through' as const };
  flows.forEach((one) => counter.add({ ...one, prospect: { client: through, server: through } }));
  return counter.result(100);
}

test('the five oldest flows are listed, without those whose start is unknown', () => {
  const { longestLived } = impactOf(flow(99), ...[7, 3, 9, 1, 5, 8, 2].map((at) => flow(at, { startedAtMs: at * 1000 })));
  expect(longestLived.map(({ id }) => id)).toEqual([1, 2, 3, 5, 7]);
});

test('their rate is the sum of the known rates, and absent if none is known', () => {
  expect(impactOf(flow(1, { rateBitsPerSecond: 8_000 }), flow(2), flow(3, { rateBitsPerSecond: 0 })).rateBitsPerSecond).toBe(8_000);
  expect(impactOf(flow(1)).rateBitsPerSecond).toBeUndefined();
});

test('a flow is active by its idle time, otherwise by its traffic, and unknown without either', () => {
  const { active, idle, unknownActivity } = impactOf(
    flow(1, { idleSeconds: 2, rateBitsPerSecond: 0 }),
    flow(2, { idleSeconds: 90 }),
    flow(3, { rateBitsPerSecond: 8 }),
    flow(4, { rateBitsPerSecond: 0 }),
    flow(5),
  );
  expect([active, idle, unknownActivity]).toEqual([2, 2, 1]);
});

test('a flow with idle bounds is active or idle if the bounds decide it', () => {
  const { active, idle, unknownActivity } = impactOf(
    flow(1, { idleBounds: { atLeast: 0, atMost: 5 } }),
    flow(2, { idleBounds: { atLeast: 60 } }),
    flow(3, { idleBounds: { atLeast: 5, atMost: 60 } }),
  );
  expect([active, idle, unknownActivity]).toEqual([1, 1, 1]);
});

test('protected flows have no fate, no age and no rate here', () => {
  const impact = impactOf(flow(1), flow(2, { protectedBy: 'agent channel', startedAtMs: 1, rateBitsPerSecond: 9 }));
  expect(impact.predictions.map(({ fate, flows }) => [fate, flows])).toEqual([[Fate.FATE_RECONNECTS, 1]]);
  expect([impact.longestLived, impact.rateBitsPerSecond, impact.protectedBy]).toEqual([[], undefined, { 'agent channel': 1 }]);
});
