import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryExpectation } from '../../test/support/arbitrary-expectation.ts';
import { Expectation as WireExpectation } from '../gen/ctfleet/v1/policy.ts';
import type { ListedExpectation } from '../model/expectation.ts';
import { fromWireExpectation, toWireExpectation } from './expectation.ts';

const arbitraryListed: fc.Arbitrary<ListedExpectation> = arbitraryExpectation.map(
  ({ flags, class: _class, nat: _nat, fn: _fn, ...rest }) => ({
    ...rest,
    isPermanent: (flags & 1) !== 0,
  }),
);
const sent = (wire: WireExpectation): WireExpectation => WireExpectation.decode(WireExpectation.encode(wire).finish());

test('an expectation survives the link', () => {
  fc.assert(
    fc.property(arbitraryListed, (listed) => {
      expect(fromWireExpectation(sent(toWireExpectation(listed)))).toEqual(listed);
    }),
    { numRuns: 500 },
  );
});

test.each<[string, (wire: WireExpectation) => Partial<WireExpectation>]>([
  ['neither IPv4 nor IPv6', () => ({ family: 5 })],
  ['of another family than its addresses', ({ family }) => ({ family: family === 4 ? 6 : 4 })],
  ['of no protocol', () => ({ proto: 256 })],
  ['expected by no protocol', () => ({ masterProto: 256 })],
  ['in no zone', () => ({ zone: 65_536 })],
  ['without a tuple', () => ({ tuple: undefined })],
  ['without a mask', () => ({ mask: undefined })],
  ['without a master', () => ({ master: undefined })],
  ['of ports that are none', ({ tuple }) => ({ tuple: { ...tuple!, dport: 65_536 } })],
  ['of an address of five bytes', ({ tuple }) => ({ tuple: { ...tuple!, src: Buffer.alloc(5) } })],
])('what is %s is no expectation', (_, change) => {
  fc.assert(
    fc.property(arbitraryListed, (listed) => {
      const wire = toWireExpectation(listed);
      expect(() => fromWireExpectation(sent({ ...wire, ...change(wire) }))).toThrow(TypeError);
    }),
    { numRuns: 20 },
  );
});
