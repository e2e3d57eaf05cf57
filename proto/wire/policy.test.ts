import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryAskedPacket, arbitraryExplanation, arbitraryReading } from '../../test/support/arbitrary-reading.ts';
import { PolicyReading as WireReading, TrackingExplanation as WireExplanation, TrackingQuery } from '../gen/ctfleet/v1/policy.ts';
import {
  fromWireAskedPacket,
  fromWireExplanation,
  fromWirePolicyReading,
  toWireAskedPacket,
  toWireExplanation,
  toWirePolicyReading,
} from './policy.ts';

test('a reading survives the link', () => {
  fc.assert(
    fc.property(arbitraryReading, (reading) => {
      const bytes = WireReading.encode(toWirePolicyReading(reading)).finish();
      expect(fromWirePolicyReading(WireReading.decode(bytes))).toEqual(reading);
    }),
    { numRuns: 300 },
  );
});

test('a question about a packet and its explanation survive the link', () => {
  fc.assert(
    fc.property(arbitraryAskedPacket, arbitraryExplanation, (packet, explanation) => {
      const query = TrackingQuery.decode(TrackingQuery.encode(toWireAskedPacket(packet)).finish());
      expect(fromWireAskedPacket(query)).toEqual(packet);
      const answer = WireExplanation.decode(WireExplanation.encode(toWireExplanation(explanation)).finish());
      expect(fromWireExplanation(answer)).toEqual(explanation);
    }),
  );
});

const EMPTY = toWirePolicyReading({
  actual: { settings: {}, unsettable: {}, helpers: [] },
  helpers: [],
  foreign: { rules: [], undecoded: [], unread: [], left: 0 },
  unread: [],
});
const PLACE = { family: 'inet', table: 'fw', chain: 'pre', hooks: [], position: 1, handle: 7n };
const NOTRACK = { ...SAYING(), kind: 'notrack' };

function SAYING() {
  return { kind: '', name: '', isByMap: false, isTooLate: false, direction: '', proto: '', seconds: {}, end: '' };
}

test('what a later agent says of a rule is listed as not decoded, beside what is understood', () => {
  const rule = { place: PLACE, says: [NOTRACK, { ...SAYING(), kind: 'quantum' }], text: 'notrack quantum', comment: '' };
  const { rules, undecoded } = fromWirePolicyReading({
    ...EMPTY,
    rules: [rule, { ...rule, says: [{ ...SAYING(), kind: 'quantum' }] }],
  }).foreign;
  expect(rules.map(({ says }) => says)).toEqual([[{ kind: 'notrack' }]]);
  expect(undecoded.map(({ parts, text }) => [parts, text])).toEqual([
    [['quantum'], 'notrack quantum'],
    [['quantum'], 'notrack quantum'],
  ]);
});

test('a rule of our table with a word of a later version is listed as strange', () => {
  const rule = { name: 'guests', match: undefined, mode: 'paranoid', helper: '', limits: undefined, answer: '' };
  const { table } = fromWirePolicyReading({ ...EMPTY, table: { rules: [rule], helpers: [], strange: [] } }).actual;
  expect(table).toEqual({ rules: [], helpers: [], strange: [expect.stringContaining('guests')] });
});

test('more than any gateway tells is cut, and counted where rules are', () => {
  const rules = Array.from({ length: 1500 }, () => ({ place: PLACE, says: [NOTRACK], text: '', comment: '' }));
  const settings = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`nf_conntrack_x${n}_timeout`, 1n]));
  const { foreign, actual } = fromWirePolicyReading({ ...EMPTY, rules, settings });
  expect([foreign.rules.length, foreign.left, Object.keys(actual.settings).length]).toEqual([1000, 500, 300]);
});

test.each([
  { src: Buffer.alloc(5) },
  { src: Buffer.alloc(16) },
  { src: Buffer.alloc(0), dst: Buffer.alloc(0) },
  { sport: 65_536 },
  { dport: 4_000_000_000 },
  { proto: 256 },
  { iif: 'a'.repeat(16) },
])('a question that is not about a packet is refused: %j', (change) => {
  const query = { proto: 17, src: Buffer.alloc(4), dst: Buffer.alloc(4), iif: '' };
  expect(() => fromWireAskedPacket({ ...query, ...change })).toThrow('not about a packet');
});
