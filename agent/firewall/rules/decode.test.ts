import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import { decodeChain, decodeElements, decodeRule, decodeSet, decodeTable } from './decode.ts';
import { decodeObject } from './objects.ts';
import { ruleText } from './text.ts';

const NAMES = [
  'immediate',
  'cmp',
  'range',
  'bitwise',
  'byteorder',
  'lookup',
  'dynset',
  'payload',
  'meta',
  'ct',
  'fib',
  'nat',
  'masq',
  'redir',
  'numgen',
  'hash',
  'reject',
  'match',
  'target',
  'objref',
  'connlimit',
  'rt',
  'exthdr',
  'limit',
  'of a kernel to come',
];

function message(write: (out: AttributeWriter) => void): Uint8Array {
  const out = new AttributeWriter();
  out.raw(Uint8Array.of(2, 0, 0, 0));
  write(out);
  return out.finish();
}

test('bytes that are no message are refused, and nothing else happens', () => {
  const decoders = [decodeTable, decodeChain, decodeRule, decodeSet, decodeObject, (body: Uint8Array) => [...decodeElements(body)]];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...decoders), (body, decode) => {
      try {
        decode(body);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('an expression whose attributes are nonsense is refused or read, and what is read can be said', () => {
  const attribute = fc.tuple(fc.integer({ min: 1, max: 11 }), fc.uint8Array({ maxLength: 24 }));
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), fc.array(attribute, { maxLength: 6 }), (name, attributes) => {
      const body = message((out) =>
        out.nested(4, (list) =>
          list.nested(1, (expression) => {
            expression.text(1, name);
            expression.nested(2, (data) => {
              for (const [type, value] of attributes) data.bytes(type, value);
            });
          }),
        ),
      );
      try {
        const rule = decodeRule(body);
        expect(rule.expressions).toHaveLength(1);
        expect(ruleText({ family: 2, table: 't', name: 'c', rules: [] }, rule)).toContain('ip t c handle 0:');
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('an expression that is not known may match or not', () => {
  const body = message((out) => out.nested(4, (list) => list.nested(1, (expression) => expression.text(1, 'of a kernel to come'))));
  expect(decodeRule(body).expressions).toEqual([{ kind: 'chance', name: 'of a kernel to come' }]);
});
