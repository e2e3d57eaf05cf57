import { expect, test } from 'vitest';
import type { Flow } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { restoredEntry, restoreOrder, restoreRounds } from './restored-entry.ts';

const flow: Flow = {
  family: 4,
  proto: 6,
  zone: 0,
  id: 1,
  mark: 0,
  labels: [],
  status: IPS.SEEN_REPLY | IPS.ASSURED | IPS.CONFIRMED,
  state: 'ESTABLISHED',
  timeoutSeconds: 300,
  orig: { src: '10.1.0.2', dst: '198.51.100.10', sport: 40_000, dport: 443 },
  reply: { src: '198.51.100.10', dst: '10.1.0.2', sport: 443, dport: 40_000 },
};

test('transient bits are dropped, all others are kept', () => {
  expect(restoredEntry({ ...flow, status: flow.status | IPS.DYING | IPS.OFFLOAD | IPS.SRC_NAT }, new Map())?.status).toBe(
    flow.status | IPS.SRC_NAT,
  );
});

test('labels are found by name or by bit', () => {
  const { labels } = restoredEntry({ ...flow, labels: ['voip', '100'] }, new Map([[1, 'voip']]))!;
  expect([labels![0], labels![12]]).toEqual([2, 16]);
});

test('an offloaded flow gets the full timeout of its state, and no flow is left without a timeout', () => {
  expect(restoredEntry({ ...flow, timeoutSeconds: undefined, status: flow.status | IPS.OFFLOAD }, new Map())?.timeoutSeconds).toBe(432_000);
  expect(restoredEntry({ ...flow, timeoutSeconds: 0 }, new Map())?.timeoutSeconds).toBe(1);
});

test('a flow with shifted sequence numbers can be restored only if the offset is known', () => {
  const shifted = { ...flow, status: flow.status | IPS.SEQ_ADJUST };
  const none = { position: 0, before: 0, after: 0 };
  expect(restoredEntry(shifted, new Map())).toBeUndefined();
  expect(restoredEntry({ ...shifted, tracker: { windowScale: { orig: 7, reply: 7 } } }, new Map())).toBeUndefined();
  expect(restoredEntry({ ...shifted, tracker: { seqAdjust: { orig: none, reply: none } } }, new Map())?.tracker).toEqual({
    seqAdjust: { orig: none, reply: none },
  });
});

test('masters come before what they expected, across generations, and each flow once', () => {
  const at = (id: number, master?: Flow): Flow => ({ ...flow, id, orig: { ...flow.orig, sport: id }, master });
  const first = at(1);
  const second = at(2, first);
  const third = at(3, second);
  const flows = [third, second, first, at(4, at(9))];
  expect(restoreOrder(flows)).toEqual([2, 1, 0, 3]);
  const { rounds, roundOf } = restoreRounds(() => flows.map((one) => [one]));
  expect([rounds, ...flows.map((_, place) => roundOf(place))]).toEqual([3, 2, 1, 0, 0]);
});

test('flows that name each other as master are restored all the same, each in one round', () => {
  const [one, other] = [1, 2].map((id): Flow => ({ ...flow, id, orig: { ...flow.orig, sport: id } })) as [Flow, Flow];
  const { rounds, roundOf } = restoreRounds(() => [
    [
      { ...one, master: other },
      { ...other, master: one },
      { ...flow, master: flow },
    ],
  ]);
  expect([rounds, roundOf(0), roundOf(1), roundOf(2)]).toEqual([2, 1, 0, 0]);
});
