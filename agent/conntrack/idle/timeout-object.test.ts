import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import { decodeObject, decodePolicy } from './timeout-object.ts';

const HEADER = [2, 0, 0, 0];

function body(write: (out: AttributeWriter) => void): Uint8Array {
  const out = new AttributeWriter();
  write(out);
  return Uint8Array.of(...HEADER, ...out.finish());
}

test('a policy holds one protocol and its timeouts', () => {
  const policy = body((out) => {
    out.text(1, 'phones');
    out.u16(2, 2);
    out.u8(3, 17);
    out.nested(4, () => {
      out.u32(1, 60);
      out.u32(2, 600);
    });
    out.u32(5, 1);
  });
  expect(decodePolicy(policy)).toEqual({ proto: 17, timeouts: { udp: 60, udp_stream: 600 } });
});

test('an nf_tables object is decoded only if its type is ct timeout', () => {
  const object = (type: number): Uint8Array =>
    body((out) => {
      out.text(1, 'filter');
      out.u32(3, type);
      out.nested(4, () => {
        out.u16(1, 2);
        out.u8(2, 6);
        out.nested(3, () => {
          out.u32(3, 600);
          out.u32(9, 120);
          out.u32(10, 300);
          out.u32(77, 5);
        });
      });
    });
  expect(decodeObject(object(7))).toEqual({ proto: 6, timeouts: { tcp_established: 600, tcp_max_retrans: 300 } });
  expect(decodeObject(object(3))).toBeUndefined();
});

test('random bytes are decoded or refused with DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of [decodePolicy, decodeObject]) {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    }),
    { numRuns: 5000 },
  );
});
