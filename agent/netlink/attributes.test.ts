import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AttributeReader, AttributeWriter, DecodeError } from './attributes.ts';

test('what is written is read back, nested and in order', () => {
  const out = new AttributeWriter(4);
  out.u16(1, 0xbeef);
  out.nested(2, (inner) => {
    inner.u32(1, 0xfffffffe);
    inner.u64(2, 2n ** 63n + 1n);
    inner.text(3, 'sip');
  });
  out.u8(3, 7);
  const reader = new AttributeReader(out.finish());
  expect([reader.next(), reader.type, reader.u16()]).toEqual([true, 1, 0xbeef]);
  expect(reader.next()).toBe(true);
  const inner = reader.nested();
  expect([inner.next(), inner.u32(), inner.next(), inner.u64(), inner.next(), inner.text(), inner.next()]).toEqual([
    true,
    0xfffffffe,
    true,
    2n ** 63n + 1n,
    true,
    'sip',
    false,
  ]);
  expect([reader.next(), reader.u8(), reader.next()]).toEqual([true, 7, false]);
});

test('a getter for another length throws with the path of the attribute', () => {
  const out = new AttributeWriter();
  out.nested(1, (inner) => inner.u32(3, 1));
  const outer = new AttributeReader(out.finish(), { 1: 'OUTER' });
  outer.next();
  const inner = outer.nested({ 3: 'INNER' });
  inner.next();
  expect(() => inner.u16()).toThrow(new DecodeError('OUTER › INNER', '4 bytes, wanted 2'));
});

test('random bytes are read or refused with DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        const reader = new AttributeReader(bytes);
        while (reader.next()) for (const inner = reader.nested(); inner.next();) inner.u32();
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 2000 },
  );
});
