import { expect, it } from 'vitest';
import { formatFingerprint } from './key-fingerprint.ts';

it('a fingerprint is the first eighty bits in four groups', () => {
  expect(formatFingerprint(new Uint8Array(32))).toBe('0000-0000-0000-0000');
  expect(formatFingerprint(new Uint8Array(32).fill(0xff))).toBe('zzzz-zzzz-zzzz-zzzz');
  // 0x08 0x42 … : five bits at a time, 00001 00001 …
  expect(formatFingerprint(Uint8Array.from([0x08, 0x42, 0x10, 0x84, 0x21, 0, 0, 0, 0, 1, 0xff]))).toBe('1111-1111-0000-0001');
  expect(() => formatFingerprint(new Uint8Array(9))).toThrow(RangeError);
});
