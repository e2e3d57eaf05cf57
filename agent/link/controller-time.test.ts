import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { steadyNow } from '../time/clock.ts';
import { ControllerTime } from './controller-time.ts';

const AHEAD_MS = 7_000;

/** A gateway whose controller's clock is ahead, after a welcome that took 40 ms. */
function session() {
  const clock = { ms: 1_000_000 };
  const time = new ControllerTime(() => clock.ms);
  clock.ms += 40;
  time.welcome(clock.ms + AHEAD_MS - 10, clock.ms - 40);
  return { clock, time, truth: () => clock.ms + AHEAD_MS };
}

describe('a clock that nobody sets', () => {
  it('goes on by the time that passed, whatever is done to the gateway’s clock', () => {
    const clocks = { wall: 1_700_000_000_000, passed: 5_000 };
    const now = steadyNow(
      () => clocks.wall,
      () => clocks.passed,
    );
    clocks.wall -= 600_000;
    clocks.passed += 1_500;
    expect(now()).toBe(1_700_000_001_500);
  });
});

describe('the controller’s time', () => {
  it('is our own before the first welcome', () => {
    const time = new ControllerTime(() => 5_000);
    expect([time.now(), time.latest()]).toEqual([5_000, 5_000]);
  });

  it('is never earlier than it is where deadlines are held against it, and later by a round trip at most', () => {
    const delays = fc.array(fc.record({ afterMs: fc.nat(20_000), delayMs: fc.nat(25_000) }), { maxLength: 200 });
    fc.assert(
      fc.property(delays, (pings) => {
        const { clock, time, truth } = session();
        for (const { afterMs, delayMs } of [...pings, { afterMs: 0, delayMs: 20 }]) {
          clock.ms += afterMs;
          expect(time.hear(truth() - delayMs)).toBe(true);
        }
        return time.latest() >= truth() && time.latest() <= truth() + 40 + 1;
      }),
    );
  });

  it('is not made earlier by words that waited in a queue', () => {
    const { clock, time } = session();
    const before = time.latest();
    for (let n = 0; n < 20; n++) time.hear(clock.ms + AHEAD_MS - 30_000);
    expect(time.latest()).toBe(before);
  });

  it('follows at once when the gateway was suspended without its clock knowing, and when the controller’s clock was set on', () => {
    const { clock, time } = session();
    expect(time.hear(clock.ms + AHEAD_MS + 3_600_000)).toBe(true);
    expect(time.now()).toBeGreaterThanOrEqual(clock.ms + AHEAD_MS + 3_600_000);
  });

  it('is contradicted when the controller’s clock was set back, and right after the next welcome', () => {
    const { clock, time } = session();
    expect(time.hear(clock.ms + AHEAD_MS - 600_000)).toBe(false);
    time.welcome(clock.ms + AHEAD_MS - 600_000, clock.ms);
    expect(time.latest()).toBe(clock.ms + AHEAD_MS - 600_000);
  });

  it('forgets a reading after ten minutes, so that a slow drift is followed', () => {
    const { clock, time } = session();
    for (let minute = 0; minute < 60; minute++) {
      clock.ms += 60_000;
      expect(time.hear(clock.ms + AHEAD_MS - minute * 100 - 5)).toBe(true);
    }
    expect(time.latest()).toBeLessThan(clock.ms + AHEAD_MS - 4_500);
  });

  it('survives any number at all, and is right again after one honest welcome', () => {
    const any = fc.array(fc.oneof(fc.double(), fc.constantFrom(0, -1, NaN, Infinity, 2 ** 64, 253_402_300_799_999, 8.64e15)), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(any, any, (welcomes, pings) => {
        const { clock, time } = session();
        for (const ms of welcomes) time.welcome(ms, clock.ms - 5);
        for (const ms of pings) time.hear(ms);
        expect(Number.isSafeInteger(time.now()) && Number.isSafeInteger(time.latest())).toBe(true);
        time.welcome(clock.ms + AHEAD_MS, clock.ms);
        expect(time.now()).toBe(clock.ms + AHEAD_MS);
      }),
    );
  });
});
