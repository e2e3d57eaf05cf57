import { describe, expect, test } from 'vitest';
import { mebibytes, peakOf, sizeFor } from './sizing.ts';

describe('the size of a table', () => {
  test('for 1000 users with 100 flows each is at least 150,000 entries', () => {
    const { max, buckets, bytes } = sizeFor({ flows: 1000 * 100 });
    expect([max, buckets, mebibytes(bytes)]).toEqual([151_552, 37_888, 51]);
    expect(max).toBeGreaterThanOrEqual(150_000);
  });

  test('has a bucket for every four entries, in whole pages of the kernel', () => {
    for (const flows of [1, 87, 5000, 174_762, 3_000_001]) {
      const { max, buckets } = sizeFor({ flows });
      expect([flows, max / buckets, buckets % 512]).toEqual([flows, 4, 0]);
      expect(max).toBeGreaterThanOrEqual(flows * 1.5);
    }
  });

  test('takes the memory that was measured, and else about 350 bytes an entry', () => {
    expect(sizeFor({ flows: 174_762 })).toEqual({
      max: 262_144,
      buckets: 65_536,
      bytes: 262_144 * 350 + 65_536 * 8,
      bytesPerEntry: 350,
      isMeasured: false,
    });
    expect(sizeFor({ flows: 174_762, bytesPerEntry: 512 })).toMatchObject({ bytes: 262_144 * 512 + 65_536 * 8, isMeasured: true });
  });

  test('stays within what a kernel takes', () => {
    expect(sizeFor({ flows: 0 })).toMatchObject({ max: 2048, buckets: 512 });
    expect(sizeFor({ flows: 1e12 })).toMatchObject({ max: 134_217_728, buckets: 33_554_432 });
  });
});

test('the peak of a history is its highest point, and there is none without points', () => {
  const points = [{ countMax: 5 }, { countMax: 9 }, { countMax: 9 }, { countMax: 1 }];
  expect(peakOf(points)).toBe(points[1]);
  expect(peakOf([])).toBeUndefined();
});
