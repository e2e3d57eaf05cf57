import { expect, test } from 'vitest';
import type { Counters, Flow } from '../../proto/model/flow.ts';
import { speakers } from './speakers.ts';

const counters = (packets: number, each: number): Counters => ({ packets: BigInt(packets), bytes: BigInt(packets * each) });
const flow = (proto: number, orig?: Counters, reply?: Counters, family: 4 | 6 = 4): Flow => ({
  family,
  proto,
  zone: 0,
  id: 1,
  mark: 0,
  labels: [],
  status: 6,
  orig: { src: '10.0.0.5', dst: '198.51.100.10' },
  reply: { src: '198.51.100.10', dst: '10.0.0.5' },
  origCounters: orig,
  replyCounters: reply,
});

const NOW = 1_900_000_000_000;

test.each([
  ['a client that only acknowledges listens', flow(6, counters(500, 52), counters(900, 1400)), 'stream'],
  [
    'one that gets a packet now and then does too',
    { ...flow(6, counters(500, 52), counters(900, 1400)), startedAtMs: NOW - 400_000 },
    'server',
  ],
  ['a server that only acknowledges listens', flow(6, counters(900, 1400), counters(500, 54)), 'client'],
  ['IPv6 has longer headers', flow(6, counters(500, 72), counters(900, 1400), 6), 'stream'],
  ['where both carry something, both speak', flow(6, counters(50, 120), counters(60, 300)), 'both'],
  ['where neither has carried anything, nobody knows', flow(6, counters(3, 52), counters(2, 54)), 'both'],
  ['without counters nobody knows', flow(6), 'both'],
  ['a stream that its receiver asked for once', flow(17, counters(1, 60), counters(900, 200)), 'server'],
  ['a sender that nobody answers', flow(17, counters(900, 200), counters(0, 0)), 'client'],
  ['a call has two sides', flow(17, counters(900, 200), counters(880, 200)), 'both'],
])('%s', (_what, one, expected) => {
  expect(speakers(one, NOW)).toBe(expected);
});
