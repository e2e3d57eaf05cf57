import { describe, expect, it } from 'vitest';
import { whyTooMany } from './run-limits.ts';

const limits = { maxFlows: 1000, maxPercentOfTable: 95, maxRunsAnHour: 30, coolDownSeconds: 0 };

describe('a share of a table', () => {
  it('is not what a failed WAN has left behind, where it carried all', () => {
    expect(whyTooMany(limits, { flows: 160, stale: 160 }, 166)).toBeUndefined();
    expect(whyTooMany(limits, { flows: 166, stale: 166 }, 166)).toBeUndefined();
  });

  it('is what would live on without us', () => {
    expect(whyTooMany(limits, { flows: 160, stale: 0 }, 166)?.detail).toMatch(/^160 of 166 flows match, and/);
    expect(whyTooMany({ ...limits, maxPercentOfTable: 10 }, { flows: 160, stale: 140 }, 166)?.detail).toMatch(/^20 of 166 flows match that are not stale, and/);
  });

  it('leaves maxFlows as it is: that many are never ended by themselves, stale or not', () => {
    expect(whyTooMany(limits, { flows: 1001, stale: 1001 }, 2000)?.detail).toBe('1001 flows match, and maxFlows is 1000.');
  });
});
