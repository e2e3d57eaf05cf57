import { expect, test } from 'vitest';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import { COOL_DOWN_MS, maySpare, mostToSpare, type TableReading } from './table-pressure.ts';

const before: TableReading = { atMs: 0, count: 9_990, max: 10_000, drop: 5 };
const now: TableReading = { atMs: 10_000, count: 9_990, max: 10_000, drop: 6 };

test('a full table that drops packets may lose a twentieth of its maximum', () => {
  expect(mostToSpare(before, now, undefined)).toBe(500);
});

test.each<[string, TableReading | undefined, TableReading]>([
  ['is not full', before, { ...now, count: 9_400 }],
  ['drops nothing new', before, { ...now, drop: 5 }],
  ['has no previous reading', undefined, now],
  ['has reset its counters', { ...before, drop: 100 }, now],
  ['reports no maximum', before, { ...now, max: undefined }],
  ['reports no drops', before, { ...now, drop: undefined }],
  ['has a maximum of a handful', { ...before, count: 10, max: 10 }, { ...now, count: 10, max: 10 }],
])('a table that %s loses nothing', (_, earlier, later) => {
  expect(mostToSpare(earlier, later, undefined)).toBe(0);
});

test('the cool-down passes between two emergencies', () => {
  expect(mostToSpare(before, now, now.atMs - COOL_DOWN_MS + 1)).toBe(0);
  expect(mostToSpare(before, now, now.atMs - COOL_DOWN_MS)).toBe(500);
});

const flow: Flow = {
  family: 4,
  proto: 6,
  zone: 0,
  id: 1,
  mark: 0,
  labels: [],
  status: IPS.SEEN_REPLY | IPS.ASSURED,
  orig: { src: '10.1.0.2', dst: '198.51.100.10' },
  reply: { src: '198.51.100.10', dst: '10.1.0.2' },
};

test.each<[boolean, string, Partial<Flow>]>([
  [true, 'waits after its end', { state: 'TIME_WAIT' }],
  [true, 'is closed', { state: 'CLOSE' }],
  [true, 'is in its last exchange', { state: 'LAST_ACK' }],
  [true, 'was never answered', { proto: 17, status: 0 }],
  [true, 'is a SYN without an answer', { state: 'SYN_SENT', status: 0 }],
  [false, 'is established and assured', { state: 'ESTABLISHED' }],
  [false, 'was answered', { proto: 17, status: IPS.SEEN_REPLY }],
  [false, 'was picked up midstream', { proto: 17, status: IPS.ASSURED }],
  [false, 'has ended and is protected', { state: 'TIME_WAIT', protectedBy: 'agent channel' }],
  [false, 'was never answered and is protected', { status: 0, protectedBy: 'SSH to the gateway' }],
])('it is %s that a flow may be deleted that %s', (may, _, part) => {
  expect(maySpare({ ...flow, ...part })).toBe(may);
});
