import { expect, test } from 'vitest';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { rowsToShow } from './held-rows.ts';

const row = (id: number): FlowRow => ({
  gatewayId: 'g',
  id,
  family: 4,
  proto: 'udp',
  status: [],
  orig: { src: '10.0.0.1', dst: '10.0.0.2', sport: id, dport: 53 },
  reply: { src: '10.0.0.2', dst: '10.0.0.1', sport: 53, dport: id },
  mark: 0,
  zone: 0,
  labels: [],
});
const [first, second, third] = [row(1), row(2), row(3)];

test('rows that arrive stand in their places until the page is touched; then they wait, and are counted', () => {
  const filling = { of: 'a', isFilling: true };
  expect(rowsToShow([first, third], undefined, filling)).toEqual({ rows: [first, third], more: 0 });
  const held = { of: 'a', rows: [first, third] };
  expect(rowsToShow([first, second, third], held, filling)).toEqual({ rows: [first, third], more: 1 });
  expect(rowsToShow([first, second, third], held, { ...filling, isFilling: false })).toEqual({ rows: [first, third], more: 1 });
});

test('what was held of one answer is not held of the next, nor of one that brought nothing new', () => {
  const held = { of: 'a', rows: [first] };
  expect(rowsToShow([second], held, { of: 'b', isFilling: true })).toEqual({ rows: [second], more: 0 });
  const newest = [{ ...first, timeoutSeconds: 9 }];
  expect(rowsToShow(newest, held, { of: 'a', isFilling: false })).toEqual({ rows: newest, more: 0 });
});
