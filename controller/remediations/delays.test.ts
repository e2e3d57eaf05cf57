import { describe, expect, it } from 'vitest';
import { delaysOf } from './delays.ts';

const fleet = (count: number, tagged: number[] = []) =>
  Array.from({ length: count }, (_, n) => ({ id: `g${String(n).padStart(3, '0')}`, tags: tagged.includes(n) ? ['ha:pair'] : ['x'] }));
const countedBy = (delays: Map<string, number>) =>
  Object.fromEntries(
    [...new Set(delays.values())].sort((a, b) => a - b).map((delay) => [delay, [...delays.values()].filter((one) => one === delay).length]),
  );

describe('gateways that see the same trigger', () => {
  it('begin in waves half a minute apart if tables fill: one, 5 %, 25 %, all', () => {
    expect(countedBy(delaysOf({ kind: 'table-usage' }, fleet(100)))).toEqual({ 0: 1, 30: 4, 60: 20, 90: 75 });
  });

  it('begin at once if a WAN fails, except for the second of a pair', () => {
    expect(countedBy(delaysOf({ kind: 'wan-down' }, fleet(100, [3, 50])))).toEqual({ 0: 99, 10: 1 });
    expect(delaysOf({ kind: 'address-change' }, fleet(2, [0, 1]))).toEqual(
      new Map([
        ['g000', 0],
        ['g001', 10],
      ]),
    );
  });

  it('of a pair never begin together, however few there are', () => {
    expect(delaysOf({ kind: 'table-usage' }, fleet(2, [0, 1]))).toEqual(
      new Map([
        ['g000', 0],
        ['g001', 30],
      ]),
    );
  });

  it('have the same turns in any order of names', () => {
    const gateways = fleet(30, [1, 2]);
    const delays = delaysOf({ kind: 'table-usage' }, gateways);
    for (const [id, delay] of delaysOf({ kind: 'table-usage' }, gateways.toReversed())) expect(delays.get(id)).toBe(delay);
  });
});
