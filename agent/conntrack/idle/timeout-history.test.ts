import { expect, test } from 'vitest';
import { TimeoutHistory } from './timeout-history.ts';

const NOW = 1_900_000_000_000;

test('what the first reading shows is assumed to have always been there', () => {
  const history = new TimeoutHistory();
  history.note({ sysctls: { udp: 30 }, objects: [{ proto: 6, timeouts: { tcp_established: 600 } }] }, NOW);
  expect(history.sources).toEqual([
    { timeouts: { udp: 30 }, fromMs: -Infinity, untilMs: Infinity },
    { proto: 6, timeouts: { tcp_established: 600 }, fromMs: -Infinity, untilMs: Infinity },
  ]);
});

test('a change happened between two readings, and is remembered', () => {
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

test('endless changes are forgotten one after the other, after which less is known, but nothing wrong', () => {
  const history = new TimeoutHistory();
  for (let minute = 0; minute <= 200; minute++) history.note({ sysctls: { udp: minute }, objects: [] }, NOW + minute * 60_000);
  expect(history.sources).toHaveLength(51);
  expect(history.sources[1]).toEqual({ timeouts: { udp: 150 }, fromMs: -Infinity, untilMs: NOW + 151 * 60_000 });
});

test('nothing is known about timeouts once the kernel did not list those of its rules', () => {
  const history = new TimeoutHistory();
  history.note({ sysctls: { udp: 30 }, objects: undefined }, NOW);
  expect(history.sources).toEqual([]);
  history.note({ sysctls: { udp: 30 }, objects: [] }, NOW + 3000);
  expect(history.sources).toEqual([]);
});
