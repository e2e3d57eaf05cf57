import { expect, test } from 'vitest';
import { fuzzCodec } from '../../../test/support/fuzz-codec.ts';

/** A slice of `npm run bench -- fuzz-codec`, which runs ten million and takes a seed. The seed changes daily and is in the error. */
test(
  'damaged messages and attribute trees decode or are refused with DecodeError, at once and in the same memory',
  { timeout: 900_000 },
  () => {
    const { decoded, refused, heapGrowthBytes } = fuzzCodec({ count: 1_000_000, seed: Math.floor(Date.now() / 86_400_000) });
    expect(decoded).toBeGreaterThan(100_000);
    expect(refused).toBeGreaterThan(100_000);
    expect(heapGrowthBytes).toBeLessThan(8 << 20);
  },
);
