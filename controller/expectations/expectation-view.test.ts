import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectation as schema } from '../../proto/http/expectations.ts';
import { isSameExpectation } from '../../proto/model/expectation.ts';
import { arbitraryExpectation } from '../../test/support/arbitrary-expectation.ts';
import { expectationLine, fromExpectationView, toExpectationView } from './expectation-view.ts';

const ALL = { 4: '255.255.255.255', 6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' } as const;
/** As helpers make them: whole addresses or prefixes, and a port or any. */
const listed = arbitraryExpectation.chain(({ flags, class: _class, nat: _nat, fn: _fn, ...rest }) =>
  fc
    .record({
      src: fc.constantFrom(ALL[rest.family], rest.family === 4 ? '255.255.240.0' : 'ffff:ffff::', rest.family === 4 ? '0.0.0.0' : '::'),
      from: fc.constantFrom(0, 0xffff),
      to: fc.constantFrom(0, 0xffff),
    })
    .map(({ src, from, to }) => {
      const ports = rest.proto === 47 ? { srcKey: from, dstKey: to } : { sport: from, dport: to };
      return { ...rest, mask: { src, dst: ALL[rest.family], ...ports }, isPermanent: (flags & 1) !== 0 };
    }),
);

test('what was shown leads back to the same expectation, and is what the contract says', () => {
  fc.assert(
    fc.property(listed, (one) => {
      const view = toExpectationView(one);
      expect(schema.parse(JSON.parse(JSON.stringify(view)))).toEqual(view);
      const back = fromExpectationView(view, 0);
      expect(isSameExpectation(back, one)).toBe(true);
      expect(back.mask).toEqual(one.mask);
    }),
    { numRuns: 500 },
  );
});

const VIEW = {
  id: 7,
  proto: 'udp',
  src: { address: '198.51.100.0', prefix: 24 },
  dst: { address: '10.0.0.5', port: 4000 },
  master: { proto: 'udp', src: { address: '10.0.0.5', port: 5060 }, dst: { address: '198.51.100.1', port: 5060 } },
  helper: 'sip',
  isPermanent: false,
};

test('one line says what is expected and by whom', () => {
  expect(expectationLine(VIEW)).toBe(
    'udp 198.51.100.0/24 to 10.0.0.5:4000, expected by udp 10.0.0.5:5060 to 198.51.100.1:5060 (sip), id 7',
  );
});

test.each([
  { ...VIEW, dst: { address: 'fd00::5', port: 4000 } },
  { ...VIEW, src: { address: '198.51.100.0', prefix: 33 } },
  { ...VIEW, master: { ...VIEW.master, src: { address: 'fd00::5' } } },
])('what was never listed is refused, with its place', (view) => {
  expect(() => fromExpectationView(view, 3)).toThrow(/^Item 3 /);
});
