import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryTuple } from '../../../test/support/arbitrary-entry.ts';
import { DecodeError } from '../../netlink/attributes.ts';
import type { Expectation } from '../table.ts';
import { decodeExpectation, encodeExpectation, encodeExpectationKey } from './expectation.ts';

const CORPUS = JSON.parse(readFileSync(new URL('../../../test/fixtures/netlink/expectations-6.18.json', import.meta.url), 'utf8')) as {
  name: string;
  body: string;
  expectation: Expectation;
}[];
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

const arbitraryExpectation: fc.Arbitrary<Expectation> = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.constantFrom(6, 17, 47), fc.constantFrom(6, 17))
  .chain(([family, proto, masterProto]) => {
    const tuple = arbitraryTuple(family, proto);
    const u32 = fc.nat(0xffffffff);
    return fc
      .record(
        {
          family: fc.constant(family),
          proto: fc.constant(proto),
          orig: tuple,
          mask: tuple,
          zone: fc.nat(9),
          id: u32,
          flags: fc.nat(7),
          class: fc.nat(3),
          master: arbitraryTuple(family, masterProto).map((orig) => ({ family, proto: masterProto, orig, zone: 0 })),
          nat: fc.record({ direction: fc.constantFrom('orig' as const, 'reply' as const), proto: fc.constant(proto), tuple }),
          fn: fc.constantFrom('nat-follow-master', 'sip'),
          helper: fc.constantFrom('sip', 'pptp'),
          timeoutSeconds: fc.nat(3600),
        },
        { requiredKeys: ['family', 'proto', 'orig', 'mask', 'zone', 'id', 'flags', 'class', 'master'] },
      )
      .map((one) => ({ ...one, master: { ...one.master, zone: one.zone } }));
  });

test.each(CORPUS)('$name is decoded and encoded as recorded', ({ body, expectation }) => {
  expect(decodeExpectation(bytesOf(body))).toEqual(expectation);
  expect(Buffer.from(encodeExpectation(expectation)).toString('hex')).toBe(body);
});

test('decoding reverses encoding', () => {
  fc.assert(
    fc.property(arbitraryExpectation, (expectation) => {
      expect(decodeExpectation(encodeExpectation(expectation))).toEqual(expectation);
    }),
    { numRuns: 1000 },
  );
});

test('a delete has exactly these bytes: family, tuple, zone, id', () => {
  const [{ expectation }] = CORPUS as [(typeof CORPUS)[number]];
  const body = Buffer.from(encodeExpectationKey({ ...expectation, zone: 7, id: 0xdeadbeef })).toString('hex');
  expect(body.slice(-32)).toBe('0600070000070000' + '08000500deadbeef');
  expect(body.slice(0, 16)).toMatch(/^(02|0a)000000..000280$/);
});

test('damaged bytes are decoded or refused with DecodeError', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CORPUS),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      ({ body }, changes) => {
        const bytes = bytesOf(body);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          decodeExpectation(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      },
    ),
    { numRuns: 10_000 },
  );
});
