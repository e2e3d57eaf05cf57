import { expect, test } from 'vitest';
import { TimeoutHistory } from './timeout-history.ts';

const NOW = 1_900_000_000_000;

test('what was there at the first reading is taken to have been there always', () => {
  const history = new TimeoutHistory();
  history.note({ sysctls: { udp: 30 }, objects: [{ proto: 6, timeouts: { tcp_established: 600 } }] }, NOW);
  expect(history.sources).toEqual([
    { timeouts: { udp: 30 }, fromMs: -Infinity, untilMs: Infinity },
    { proto: 6, timeouts: { tcp_established: 600 }, fromMs: -Infinity, untilMs: Infinity },
  ]);
});

test('what changed did so between two readings, and is remembered', () => {
  const history = new TimeoutHistory();
  history.note({ sysctls: { udp: 30 }, objects: [{ proto: 17, timeouts: { udp: 5 } }] }, NOW);
  history.note({ sysctls: { udp: 30 }, objects: [{ proto: 17, timeouts: { udp: 5 } }] }, NOW + 3000);
  history.note({ sysctls: { udp: 60 }, objects: [] }, NOW + 9000);
  expect(history.sources).toEqual([
    { timeouts: { udp: 60 }, fromMs: NOW + 3000, untilMs: Infinity },
    { timeouts: { udp: 30 }, fromMs: -Infinity, untilMs: NOW + 9000 },
    { proto: 17, timeouts: { udp: 5 }, fromMs: -Infinity, untilMs: NOW + 9000 },
  ]);
});

test('changes without end are forgotten one after the other, and then less is known, and nothing wrong', () => {
  const history = new TimeoutHistory();
  for (let minute = 0; minute <= 200; minute++) history.note({ sysctls: { udp: minute }, objects: [] }, NOW + minute * 60_000);
  expect(history.sources).toHaveLength(51);
  expect(history.sources[1]).toEqual({ timeouts: { udp: 150 }, fromMs: -Infinity, untilMs: NOW + 151 * 60_000 });
});

test('nothing is known of times once the kernel did not tell what its rules set', () => {
  const history = new TimeoutHistory();
  history.note({ sysctls: { udp: 30 }, objects: undefined }, NOW);
  expect(history.sources).toEqual([]);
  history.note({ sysctls: { udp: 30 }, objects: [] }, NOW + 3000);
  expect(history.sources).toEqual([]);
});
