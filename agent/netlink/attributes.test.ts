import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AttributeReader, AttributeWriter, DecodeError } from './attributes.ts';

test('what is written is read back, nested and in order', () => {
  const out = new AttributeWriter(4);
  out.u16(1, 0xbeef);
  out.nested(2, (inner) => { inner.u32(1, 0xfffffffe); inner.u64(2, 2n ** 63n + 1n); inner.text(3, 'sip'); });
  out.u8(3, 7);
  const [first, second, third] = [...new AttributeReader(out.finish())];
  expect(first!.u16()).toBe(0xbeef);
  const [a, b, c] = [...second!.nested()];
  expect([a!.u32(), b!.u64(), c!.text()]).toEqual([0xfffffffe, 2n ** 63n + 1n, 'sip']);
  expect(third!.u8()).toBe(7);
});

test('a getter of the wrong length names the attribute by its path', () => {
  const out = new AttributeWriter();
  out.nested(1, (inner) => inner.u32(3, 1));
  const [outer] = [...new AttributeReader(out.finish(), { 1: 'OUTER' })];
  const [inner] = [...outer!.nested({ 3: 'INNER' })];
  expect(() => inner!.u16()).toThrow(new DecodeError('OUTER › INNER', '4 bytes, wanted 2'));
});

test('random bytes are read or refused with DecodeError', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      for (const attribute of new AttributeReader(bytes)) [...attribute.nested()].forEach((inner) => inner.u32());
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
    }
  }), { numRuns: 2000 });
});
