import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FlowKey } from '../gen/ctfleet/v1/flow.ts';
import { Encoder } from './encoder.ts';

it('each message stands behind its length, whatever was encoded or failed before it', () => {
  const encoder = new Encoder();
  const key = fc.record({
    family: fc.constantFrom(4, 6, -1),
    proto: fc.nat(),
    orig: fc.option(fc.record({ src: fc.uint8Array({ maxLength: 400 }), dst: fc.uint8Array({ maxLength: 40_000 }) }), { nil: undefined }),
    zone: fc.nat(),
    id: fc.integer({ min: -1, max: 0xffff_ffff }),
  });
  const asBuffers = ({ src, dst }: { src: Uint8Array; dst: Uint8Array }) => ({ src: Buffer.from(src), dst: Buffer.from(dst) });
  fc.assert(
    fc.property(key, (one) => {
      const message = FlowKey.fromPartial({ ...one, orig: one.orig && asBuffers(one.orig) });
      if (one.family < 0 || one.id < 0) {
        expect(() => encoder.encodeFramed(FlowKey, message)).toThrow('invalid uint32');
        return;
      }
      const framed = Buffer.from(encoder.encodeFramed(FlowKey, message));
      expect(framed.readUInt32BE()).toBe(framed.length - 4);
      expect(framed.subarray(4).equals(FlowKey.encode(message).finish())).toBe(true);
    }),
  );
});
