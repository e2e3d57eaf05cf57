import { expect, test } from 'vitest';
import { AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import { decodeCpuStats } from './stats.ts';

/** A message of CPU 258: `values` by attribute number. */
function bodyOf(values: Record<number, number>): Uint8Array {
  const out = new AttributeWriter();
  out.raw(Uint8Array.of(0, 0, 1, 2));
  for (const [type, value] of Object.entries(values)) out.u32(Number(type), value);
  return out.finish();
}

test('a current kernel reports clashes and chains that are too long', () => {
  expect(decodeCpuStats(bodyOf({ 2: 255, 4: 2, 8: 16, 9: 4, 10: 5, 11: 6, 12: 7, 13: 8, 14: 1, 15: 0xffffffff }))).toEqual({
    cpu: 258,
    found: 255,
    invalid: 2,
    insert: 16,
    insertFailed: 4,
    drop: 5,
    earlyDrop: 6,
    error: 7,
    searchRestart: 8,
    clashResolve: 1,
    chainToolong: 0xffffffff,
  });
});

test('from an old kernel, obsolete counters are skipped and newer ones stay absent', () => {
  const [searched, fresh, ignored, deleted, deletedFromList] = [1, 3, 5, 6, 7];
  expect(
    decodeCpuStats(
      bodyOf({
        [searched]: 9,
        2: 1,
        [fresh]: 9,
        4: 2,
        [ignored]: 9,
        [deleted]: 9,
        [deletedFromList]: 9,
        8: 3,
        9: 4,
        10: 5,
        11: 6,
        12: 7,
        13: 8,
      }),
    ),
  ).toEqual({
    cpu: 258,
    found: 1,
    invalid: 2,
    insert: 3,
    insertFailed: 4,
    drop: 5,
    earlyDrop: 6,
    error: 7,
    searchRestart: 8,
  });
});

test('a message without its header is refused', () => {
  expect(() => decodeCpuStats(Uint8Array.of(0, 0, 1))).toThrow(new DecodeError('nfgenmsg', '3 bytes, wanted 4'));
});
