import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IPS } from '../../../proto/model/status.ts';
import { idleFrom, possibleTimeouts, toIdle, type Idle, type TimeoutSource } from './idle.ts';
import { DEFAULT_TIMEOUTS } from '../proc/timeouts.ts';

const NOW = 1_900_000_000_000;
const OWN: TimeoutSource = { timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: Infinity };
const TCP = {
  proto: 6,
  state: 'ESTABLISHED',
  status: IPS.SEEN_REPLY | IPS.ASSURED,
  tcpFlags: 0,
  helper: undefined as string | undefined,
  hadNoPacket: false,
};
const UDP = { ...TCP, proto: 17, state: undefined };

const idle = (facts: typeof TCP | typeof UDP, remaining: number | undefined, sources = [OWN], ageSeconds?: number): Idle => ({
  ...idleFrom(
    possibleTimeouts(facts as typeof TCP, sources),
    { remaining, startedAtMs: ageSeconds === undefined ? undefined : NOW - ageSeconds * 1000, atMs: NOW },
    { atLeast: 0, atMost: Infinity },
  ),
});
const exactly = (seconds: number): Idle => ({ atLeast: seconds, atMost: seconds });
const UNKNOWN: Idle = { atLeast: 0, atMost: Infinity };

describe('with the timeouts of an ordinary gateway', () => {
  test('idle time is the whole seconds that have certainly passed, as the kernel rounds the remaining time down', () => {
    expect([idle(UDP, 119), idle(UDP, 118), idle(UDP, 0), idle(UDP, 120)]).toEqual([exactly(0), exactly(1), exactly(119), exactly(0)]);
  });

  test('idle time is unknown if more remains than any timeout, or if the remaining time is missing', () => {
    expect([idle(UDP, 3600), idle(UDP, undefined)]).toEqual([UNKNOWN, UNKNOWN]);
  });

  test('a TCP flow with less than five minutes remaining may have retransmitted a moment ago', () => {
    expect([idle(TCP, 431_990), idle(TCP, 290)]).toEqual([exactly(9), { atLeast: 9, atMost: 431_709 }]);
  });

  test('no flow has been idle for longer than it has existed', () => {
    expect([idle(TCP, 290, [OWN], 60), idle(UDP, 3600, [OWN], 60)]).toEqual([exactly(9), { atLeast: 0, atMost: 60 }]);
  });

  test('a start in the future is ignored: a clock was set', () => {
    expect(idle(UDP, 100, [OWN], -3600)).toEqual(exactly(19));
  });
});

describe('when something else sets timeouts', () => {
  test('an object of 600 s leaves open whether the last packet was just now or five days ago', () => {
    const object: TimeoutSource = { proto: 6, timeouts: { tcp_established: 600 }, fromMs: -Infinity, untilMs: Infinity };
    expect(idle(TCP, 599, [OWN, object])).toEqual({ atLeast: 0, atMost: 431_400 });
    expect(idle(TCP, 431_000, [OWN, object])).toEqual(exactly(999));
    expect(idle(UDP, 100, [OWN, object])).toEqual(exactly(19));
  });

  test('a timeout that was changed applies only to packets of its time', () => {
    const changedAt = NOW - 100_000;
    const sources: TimeoutSource[] = [
      { timeouts: { ...DEFAULT_TIMEOUTS, udp_stream: 600 }, fromMs: changedAt, untilMs: Infinity },
      { timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: changedAt },
    ];
    expect(idle(UDP, 590, sources)).toEqual(exactly(9));
    // By the new timeout its last packet would be 589 s old, from before that timeout was set.
    expect(idle(UDP, 10, sources)).toEqual(exactly(109));
    expect(idle(UDP, 100, sources)).toEqual(UNKNOWN);
  });

  test('an entry created without a packet, and one whose helper sets timeouts, are unknown', () => {
    expect([idle({ ...UDP, hadNoPacket: true }, 100), idle({ ...UDP, helper: 'sip' }, 100), idle({ ...UDP, helper: 'ftp' }, 100)]).toEqual([
      UNKNOWN,
      UNKNOWN,
      exactly(19),
    ]);
  });
});

test('the bounds hold whatever timeout was set at the last packet', () => {
  const seconds = fc.integer({ min: 1, max: 500_000 });
  const source = fc.record({ full: seconds, fromSecondsAgo: fc.option(seconds), untilSecondsAgo: fc.option(seconds) });
  fc.assert(
    fc.property(fc.array(source, { minLength: 1, maxLength: 6 }), fc.nat(), seconds, fc.nat(3_000_000), (sources, which, age, silentMs) => {
      const possible = sources.map(({ full, fromSecondsAgo, untilSecondsAgo }) => ({
        full,
        fromMs: fromSecondsAgo === null ? -Infinity : NOW - fromSecondsAgo * 1000,
        untilMs: untilSecondsAgo === null ? Infinity : NOW - untilSecondsAgo * 1000,
      }));
      const given = possible[which % possible.length]!;
      const lastMs = NOW - silentMs;
      fc.pre(given.full * 1000 > silentMs && lastMs >= given.fromMs && lastMs <= given.untilMs && silentMs <= age * 1000);
      const remaining = Math.floor((given.full * 1000 - silentMs) / 1000);
      const { atLeast, atMost } = idleFrom(
        possible,
        { remaining, startedAtMs: NOW - age * 1000, atMs: NOW },
        { atLeast: 0, atMost: Infinity },
      );
      expect(atLeast).toBeLessThanOrEqual(Math.floor(silentMs / 1000));
      expect(atMost + 1).toBeGreaterThanOrEqual(Math.floor(silentMs / 1000));
    }),
    { numRuns: 2000 },
  );
});

test('a flow reports its idle time exactly, as bounds, or not at all', () => {
  expect(toIdle(exactly(7))).toEqual({ idleSeconds: 7, idleBounds: undefined });
  expect(toIdle({ atLeast: 7, atMost: Infinity })).toEqual({ idleSeconds: undefined, idleBounds: { atLeast: 7, atMost: undefined } });
  expect(toIdle(UNKNOWN)).toEqual({ idleSeconds: undefined, idleBounds: undefined });
});
