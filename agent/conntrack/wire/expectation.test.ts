import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryExpectation } from '../../../test/support/arbitrary-expectation.ts';
import { DecodeError } from '../../netlink/attributes.ts';
import type { Expectation } from '../table.ts';
import { decodeExpectation, encodeExpectation, encodeExpectationKey } from './expectation.ts';

const CORPUS = JSON.parse(readFileSync(new URL('../../../test/fixtures/netlink/expectations-6.18.json', import.meta.url), 'utf8')) as {
  name: string;
  body: string;
  expectation: Expectation;
}[];
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

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
