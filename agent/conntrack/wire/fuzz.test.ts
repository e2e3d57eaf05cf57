import { expect, test } from 'vitest';
import { fuzzCodec } from '../../../test/support/fuzz-codec.ts';

/** About two minutes; the seed is new each day and is in the error, and `node test/bench/fuzz-codec.ts` takes one. */
test('damaged messages and attribute trees decode or are refused with DecodeError, at once and in the same memory', { timeout: 900_000 }, () => {
  const { decoded, refused, heapGrowthBytes } = fuzzCodec({ count: 10_000_000, seed: Math.floor(Date.now() / 86_400_000) });
  expect(decoded).toBeGreaterThan(500_000);
  expect(refused).toBeGreaterThan(500_000);
  expect(heapGrowthBytes).toBeLessThan(8 << 20);
});
