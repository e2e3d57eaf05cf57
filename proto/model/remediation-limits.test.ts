import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PAST_RUNS, mostOf, runsThatCount, whyNotNow, whyTooMany, type PastRun, type RemediationLimits } from './remediation-limits.ts';

const HOUR_MS = 3_600_000;
const NOW = 1_790_000_000_000;
const limits: RemediationLimits = { maxFlows: 1000, maxPercentOfTable: 95, maxRunsAnHour: 2, coolDownSeconds: 60 };
const run = (beganAgoS: number, endedAgoS?: number): PastRun => ({
  startedAtMs: NOW - beganAgoS * 1000,
  endedAtMs: endedAgoS === undefined ? undefined : NOW - endedAgoS * 1000,
});
const words = (past: PastRun[], change: Partial<RemediationLimits> = {}): string | undefined =>
  whyNotNow({ ...limits, ...change }, past, NOW)?.why;

describe('a run', () => {
  it('waits for the previous run, its cool-down and the hourly limit', () => {
    expect(words([])).toBeUndefined();
    expect(words([{ ...run(5), isUnderWay: true }])).toBe('the previous run is still under way');
    expect(words([run(40, 30)])).toBe('it cools down for another 30 s');
    expect(words([run(70, 61), run(3000, 2990)])).toBe('it ran 2 times in the last hour, and maxRunsAnHour is 2');
    expect(words([run(70, 61)], { maxRunsAnHour: 1 })).toBe('it ran once in the last hour, and maxRunsAnHour is 1');
  });

  it('without an end cools down from its start', () => {
    expect(words([run(59)])).toBe('it cools down for another 1 s');
    expect(words([run(60)])).toBeUndefined();
  });

  it('cools down for longer than an hour if its document says so', () => {
    expect(words([run(7000, 6990)], { coolDownSeconds: 7000 })).toBe('it cools down for another 10 s');
    const kept = runsThatCount([run(9000, 8990), run(7000, 6990)], NOW);
    expect(kept).toEqual([run(7000, 6990)]);
    expect(words(kept, { coolDownSeconds: 86_400 })).toMatch(/^it cools down for/);
  });

  it('counts until the last millisecond of an hour, and of its cool-down, and no longer', () => {
    const times = fc.record({
      agoMs: fc.integer({ min: 0, max: HOUR_MS }),
      coolDownSeconds: fc.integer({ min: 0, max: 86_400 }),
      maxRunsAnHour: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(times, ({ agoMs, coolDownSeconds, maxRunsAnHour }) => {
        const own = { ...limits, coolDownSeconds, maxRunsAnHour };
        const full = (startedAtMs: number): PastRun[] => Array.from({ length: maxRunsAnHour }, () => ({ startedAtMs }));
        expect(whyNotNow({ ...own, coolDownSeconds: 0 }, full(NOW - HOUR_MS + 1), NOW)?.code).toBe('RATE_LIMITED');
        expect(whyNotNow({ ...own, coolDownSeconds: 0 }, full(NOW - HOUR_MS), NOW)).toBeUndefined();
        expect(whyNotNow({ ...own, coolDownSeconds: 0 }, full(NOW - agoMs).slice(1), NOW)).toBeUndefined();
        const cooled = NOW - coolDownSeconds * 1000;
        const ended = (endedAtMs: number): PastRun[] => [{ startedAtMs: endedAtMs - HOUR_MS, endedAtMs }];
        expect(whyNotNow(own, ended(cooled), NOW)).toBeUndefined();
        if (coolDownSeconds > 0) expect(whyNotNow(own, ended(cooled + 1), NOW)?.why).toBe('it cools down for another 1 s');
      }),
    );
  });

  it('is judged from the retained runs as from all runs', () => {
    const past = fc.array(
      fc.record({
        startedAtMs: fc.integer({ min: NOW - 30 * HOUR_MS, max: NOW }),
        lastedMs: fc.option(fc.integer({ min: 0, max: HOUR_MS }), { nil: undefined }),
      }),
      { maxLength: MAX_PAST_RUNS },
    );
    fc.assert(
      fc.property(past, fc.integer({ min: 0, max: 86_400 }), (runs, coolDownSeconds) => {
        const all = runs.map(({ startedAtMs, lastedMs }): PastRun => ({
          startedAtMs,
          endedAtMs: lastedMs === undefined ? undefined : Math.min(NOW, startedAtMs + lastedMs),
        }));
        expect(whyNotNow({ ...limits, coolDownSeconds }, runsThatCount(all, NOW), NOW)).toEqual(
          whyNotNow({ ...limits, coolDownSeconds }, all, NOW),
        );
      }),
    );
  });
});

describe('a share of a table', () => {
  const why = (flows: number, stale: number, tableCount: number | undefined, change: Partial<RemediationLimits> = {}): string | undefined =>
    whyTooMany({ ...limits, ...change }, [{ flows, stale, tableCount }])?.why;

  it('ignores what a failed WAN has left behind, even if it carried everything', () => {
    expect(why(160, 160, 166)).toBeUndefined();
    expect(why(166, 166, 166)).toBeUndefined();
  });

  it('counts only what would live on without us', () => {
    expect(why(160, 0, 166)).toBe('160 of 166 flows match, and maxPercentOfTable is 95');
    expect(why(160, 140, 166, { maxPercentOfTable: 10 })).toBe('20 of 166 flows match that are not stale, and maxPercentOfTable is 10');
  });

  it('does not change maxFlows: more are never ended automatically, stale or not', () => {
    expect(why(1001, 1001, 2000)).toBe('1001 flows match, and maxFlows is 1000');
    expect(why(1000, 1000, 2000)).toBeUndefined();
  });

  it('applies to each gateway, and maxFlows to all of them together', () => {
    const parts = [
      { gateway: 'gw1', flows: 10, stale: 0, tableCount: 1000 },
      { gateway: 'gw2', flows: 50, stale: 5, tableCount: 400 },
    ];
    expect(whyTooMany({ ...limits, maxPercentOfTable: 10 }, parts)?.why).toBe(
      '45 of 400 flows of gw2 match that are not stale, and maxPercentOfTable is 10',
    );
    expect(whyTooMany({ ...limits, maxPercentOfTable: 11.25 }, parts)).toBeUndefined();
    expect(whyTooMany({ ...limits, maxFlows: 59 }, parts)?.why).toBe('60 flows match, and maxFlows is 59');
  });

  it('of a table of unknown size counts as none', () => expect(why(60, 0, undefined)).toBeUndefined());

  it('leaves room for exactly as many flows as the limits allow', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 100_000 }), (thousandths, tableCount) => {
        const own = { ...limits, maxFlows: 1_000_000, maxPercentOfTable: thousandths / 1000 };
        const most = mostOf(own, tableCount);
        expect(whyTooMany(own, [{ flows: most, stale: 0, tableCount }])).toBeUndefined();
        expect(whyTooMany(own, [{ flows: most + 1, stale: 0, tableCount }])?.code).toBe('PLAN_TOO_LARGE');
        expect(mostOf({ ...own, maxFlows: 10 }, tableCount)).toBe(Math.min(10, most));
      }),
      // 64.57 % of 100,000 is rounded down to less than 64,570.
      { examples: [[64_570, 100_000]] },
    );
  });

  it('may equal the limit, and not exceed it by one flow', () => {
    // Tenths of a per cent of a multiple of a thousand flows are whole flows.
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 300 }),
        fc.nat({ max: 1000 }),
        (tenths, thousands, stale) => {
          const [tableCount, most] = [thousands * 1000, thousands * tenths];
          const own = { ...limits, maxFlows: 1_000_000, maxPercentOfTable: tenths / 10 };
          expect(whyTooMany(own, [{ flows: most + stale, stale, tableCount }])).toBeUndefined();
          expect(whyTooMany(own, [{ flows: most + stale + 1, stale, tableCount }])?.code).toBe('PLAN_TOO_LARGE');
        },
      ),
    );
  });
});
