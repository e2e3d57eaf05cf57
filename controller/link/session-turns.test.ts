import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_AHEAD_MS, SessionTurns } from './session-turns.ts';

const RATE = { perSecond: 100, burst: 20 };
const middle = (): number => 0.5;

describe('turns to open a session', () => {
  it('are now for a few, and one after the other for all others', () => {
    const turns = new SessionTurns(RATE, middle);
    const waits = Array.from({ length: 1000 }, (_, index) => turns.ask(`gw${index}`, 0));
    expect(waits.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 0));
    expect(waits.slice(20, 23)).toEqual([10, 20, 30]);
    expect(waits.at(-1)).toBe(9800);
    expect(new Set(waits.slice(20)).size).toBe(980);
  });

  it('are kept: who comes early is told the same time again, who comes in time or late is admitted once', () => {
    const turns = new SessionTurns({ perSecond: 1, burst: 1 }, middle);
    expect(turns.ask('first', 0)).toBe(0);
    expect(turns.ask('second', 0)).toBe(1000);
    expect(turns.ask('second', 400)).toBe(600);
    expect(turns.ask('third', 400)).toBe(1600);
    expect(turns.ask('third', 3000)).toBe(0);
    expect(turns.ask('second', 3000)).toBe(0);
    expect(turns.ask('second', 3000)).toBe(0);
    expect(turns.ask('second', 3000)).toBe(1000);
  });

  it('are given to others in time when their gateways never come back', () => {
    const turns = new SessionTurns({ perSecond: 1, burst: 1 }, middle);
    for (const name of ['a', 'b', 'c']) turns.ask(name, 0);
    expect(turns.ask('b', 100_000)).toBe(0);
    expect(turns.ask('c', 100_000)).toBe(1000);
  });

  it('lie a minute ahead at most, and whoever gets none is told some time within it', () => {
    const draws = [0, 0.5, 0.999];
    const turns = new SessionTurns({ perSecond: 1, burst: 1 }, () => draws.shift()!);
    for (let index = 0; index < 61; index++) turns.ask(`gw${index}`, 0);
    expect([1, 2, 3].map((index) => turns.ask(`more${index}`, 0))).toEqual([30_000, 45_000, 59_970]);
    expect(turns.ask('more1', 2000)).toBe(59_000);
    expect(MAX_AHEAD_MS).toBe(60_000);
  });

  it('never pass faster than a bucket fills, whenever and in whatever order gateways ask', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gateway: fc.integer({ min: 0, max: 300 }), afterMs: fc.integer({ min: 0, max: 40 }) }), { maxLength: 2000 }),
        (asks) => {
          const turns = new SessionTurns(RATE, middle);
          let [nowMs, admitted] = [0, 0];
          for (const { gateway, afterMs } of asks) {
            nowMs += afterMs;
            if (turns.ask(`gw${gateway}`, nowMs) === 0) admitted++;
            expect(admitted).toBeLessThanOrEqual(RATE.burst + (nowMs / 1000) * RATE.perSecond + 1);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('come to each of ten thousand gateways that do as they are told, within the time that the rate needs', () => {
    const turns = new SessionTurns(RATE, Math.random);
    const waiting = new Map(Array.from({ length: 10_000 }, (_, index) => [`gw${index}`, 0]));
    let nowMs = 0;
    for (; waiting.size > 0 && nowMs < 200_000; nowMs += 10)
      for (const [gateway, atMs] of waiting) {
        if (atMs > nowMs) continue;
        const waitMs = turns.ask(gateway, nowMs);
        if (waitMs === 0) waiting.delete(gateway);
        else waiting.set(gateway, nowMs + waitMs);
      }
    expect(waiting.size).toBe(0);
    // 100 s at the rate, and as long as the last of those who had no turn at first may have been told.
    expect(nowMs).toBeLessThan(100_000 + MAX_AHEAD_MS);
  });
});
