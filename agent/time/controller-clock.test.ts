import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { steadyNow } from './clock.ts';
import { ControllerClock } from './controller-clock.ts';

const AHEAD_MS = 7_000;

/** A gateway whose controller's clock is ahead, after a welcome that took 40 ms. */
function session() {
  const clock = { ms: 1_000_000 };
  const controller = new ControllerClock(() => clock.ms);
  clock.ms += 40;
  controller.welcome(clock.ms + AHEAD_MS - 10, clock.ms - 40);
  return { clock, controller, truth: () => clock.ms + AHEAD_MS };
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

describe('the controller’s clock', () => {
  it('is our own before the first welcome', () => {
    const controller = new ControllerClock(() => 5_000);
    expect([controller.now(), controller.latest(), controller.offsetMs()]).toEqual([5_000, 5_000, 0]);
  });

  it('is never earlier than it is where deadlines are held against it, and later by a round trip at most', () => {
    const delays = fc.array(fc.record({ afterMs: fc.nat(20_000), delayMs: fc.nat(25_000) }), { maxLength: 200 });
    fc.assert(
      fc.property(delays, (pings) => {
        const { clock, controller, truth } = session();
        for (const { afterMs, delayMs } of [...pings, { afterMs: 0, delayMs: 20 }]) {
          clock.ms += afterMs;
          expect(controller.hear(truth() - delayMs)).toBe(true);
        }
        return controller.latest() >= truth() && controller.latest() <= truth() + 40 + 1;
      }),
    );
  });

  it('is not taken to be seconds later because a busy controller answered hello late', () => {
    const { clock, controller, truth } = session();
    controller.welcome(truth() - 20, clock.ms - 8_000);
    expect(Math.abs(controller.now() - truth())).toBeLessThan(500);
    expect(controller.latest()).toBe(truth() - 20 + 8_000);
  });

  it('is sure after a prompt welcome, and after a slow one with the first word that did not wait beside it', () => {
    const { clock, controller, truth } = session();
    expect(new ControllerClock(() => 0).isSure).toBe(false);
    expect(controller.isSure).toBe(true);
    controller.welcome(truth() - 20, clock.ms - 8_000);
    controller.hear(truth() - 20);
    expect(controller.isSure).toBe(false);
    clock.ms += 10_000;
    controller.hear(truth() - 20);
    expect(controller.isSure).toBe(true);
  });

  it('is not made earlier by words that waited in a queue', () => {
    const { clock, controller } = session();
    const before = controller.latest();
    for (let n = 0; n < 20; n++) controller.hear(clock.ms + AHEAD_MS - 30_000);
    expect(controller.latest()).toBe(before);
  });

  it('follows at once when the gateway was suspended without its clock knowing, and when the controller’s clock was set on', () => {
    const { clock, controller } = session();
    expect(controller.hear(clock.ms + AHEAD_MS + 3_600_000)).toBe(true);
    expect(controller.now()).toBeGreaterThanOrEqual(clock.ms + AHEAD_MS + 3_600_000);
  });

  it('is contradicted when the controller’s clock was set back, and right after the next welcome', () => {
    const { clock, controller } = session();
    expect(controller.hear(clock.ms + AHEAD_MS - 600_000)).toBe(false);
    controller.welcome(clock.ms + AHEAD_MS - 600_000, clock.ms);
    expect(controller.latest()).toBe(clock.ms + AHEAD_MS - 600_000);
  });

  it('forgets a reading after ten minutes, so that a slow drift is followed', () => {
    const { clock, controller } = session();
    for (let minute = 0; minute < 60; minute++) {
      clock.ms += 60_000;
      expect(controller.hear(clock.ms + AHEAD_MS - minute * 100 - 5)).toBe(true);
    }
    expect(controller.latest()).toBeLessThan(clock.ms + AHEAD_MS - 4_500);
  });

  it('survives any number at all, and is right again after one honest welcome', () => {
    const any = fc.array(fc.oneof(fc.double(), fc.constantFrom(0, -1, NaN, Infinity, 2 ** 64, 253_402_300_799_999, 8.64e15)), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(any, any, (welcomes, pings) => {
        const { clock, controller } = session();
        for (const ms of welcomes) controller.welcome(ms, clock.ms - 5);
        for (const ms of pings) controller.hear(ms);
        expect(Number.isSafeInteger(controller.now()) && Number.isSafeInteger(controller.latest())).toBe(true);
        controller.welcome(clock.ms + AHEAD_MS, clock.ms);
        expect(controller.now()).toBe(clock.ms + AHEAD_MS);
      }),
    );
  });
});
