import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bits, order } from './bits.ts';
import type { SetElement } from './decode.ts';
import { lookUp } from './lookup.ts';
import { SET_FLAG } from './nf-tables.ts';
import { packSet } from './pack-set.ts';

const key = fc.nat(40).map((last) => Uint8Array.of(10, 0, 0, last));
const head = (flags: number): Parameters<typeof packSet>[0] => ({
  family: 1,
  table: 't',
  name: 's',
  flags,
  keyLength: 4,
  fields: [],
  size: 0,
  conditions: [],
});
const element = (of: Partial<SetElement>): SetElement => ({
  isEnd: false,
  isCatchAll: false,
  isEnding: false,
  hasConditions: false,
  ...of,
});
const isIn = (set: ReturnType<typeof packSet>, asked: Uint8Array): boolean => lookUp(set, new Bits(asked)).isSure;

test('intervals are found as a list of borders says', () => {
  const borders = fc.uniqueArray(fc.nat(40), { maxLength: 12 }).map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(borders, key, fc.boolean(), (all, asked, isReversed) => {
      const elements = all.map((last, at) => element({ key: Uint8Array.of(10, 0, 0, last), isEnd: at % 2 === 1 }));
      const set = packSet(head(SET_FLAG.INTERVAL), isReversed ? elements.toReversed() : elements);
      expect(isIn(set, asked)).toBe(all.filter((border) => border <= asked[3]!).length % 2 === 1);
    }),
  );
});

test('a key that is not known whole may be any element that fits it, and is surely none of the others', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 10, selector: String }), key, (keys, asked) => {
      const set = packSet(
        head(SET_FLAG.MAP),
        keys.map((each) => element({ key: each, data: { value: each } })),
      );
      const mask = Uint8Array.of(255, 255, 255, 0xf8);
      const { hits } = lookUp(set, new Bits(asked, mask));
      const fitting = keys.filter((each) => each[3]! >> 3 === asked[3]! >> 3);
      expect(hits.map((hit) => (hit && 'value' in hit ? hit.value[3] : undefined)).sort()).toEqual(fitting.map((each) => each[3]).sort());
    }),
  );
});

test('concatenations compare each field by itself', () => {
  const set = packSet({ ...head(SET_FLAG.INTERVAL | SET_FLAG.CONCAT), keyLength: 8, fields: [4, 2] }, [
    element({ key: Uint8Array.of(10, 0, 0, 5, 0, 80, 0, 0), end: Uint8Array.of(10, 0, 0, 9, 0, 90, 0, 0) }),
  ]);
  expect(isIn(set, Uint8Array.of(10, 0, 0, 7, 0, 85, 0, 0))).toBe(true);
  expect(isIn(set, Uint8Array.of(10, 0, 0, 7, 0, 91, 0, 0))).toBe(false);
  expect(isIn(set, Uint8Array.of(10, 0, 0, 10, 0, 85, 0, 0))).toBe(false);
});

test('an element that ends soon may be gone, and one with a limit of its own makes the set not known', () => {
  const address = Uint8Array.of(10, 0, 0, 1);
  expect(lookUp(packSet(head(0), [element({ key: address, isEnding: true })]), new Bits(address))).toEqual({
    hits: [undefined],
    isSure: false,
  });
  expect(packSet(head(0), [element({ key: address, hasConditions: true })]).why).toBe('its elements have limits of their own');
  expect(order(address, address)).toBe(0);
});
