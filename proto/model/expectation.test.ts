import { expect, test } from 'vitest';
import { isSameExpectation, type ExpectedFlow } from './expectation.ts';

const ALL = '255.255.255.255';
const one: ExpectedFlow = {
  family: 4,
  proto: 6,
  id: 7,
  zone: 0,
  helper: 'ftp',
  timeoutSeconds: 290,
  orig: { src: '198.51.100.1', dst: '10.0.0.5', sport: 0, dport: 4000 },
  mask: { src: ALL, dst: ALL, sport: 0, dport: 65_535 },
  master: { family: 4, proto: 6, zone: 0, orig: { src: '10.0.0.5', dst: '198.51.100.1', sport: 4711, dport: 21 } },
};

test.each<[string, Partial<ExpectedFlow>]>([
  ['it is older by then', { timeoutSeconds: 3 }],
  ['a port differs of which any would do', { orig: { ...one.orig, sport: 20 } }],
])('an expectation is the one that was listed although %s', (_, change) => {
  expect(isSameExpectation({ ...one, ...change }, one)).toBe(true);
});

test.each<[string, Partial<ExpectedFlow>]>([
  ['id', { id: 8 }],
  ['family', { family: 6 }],
  ['protocol', { proto: 17 }],
  ['zone', { zone: 1 }],
  ['helper', { helper: 'sip' }],
  ['port', { orig: { ...one.orig, dport: 4001 } }],
  ['address', { orig: { ...one.orig, dst: '10.0.0.6' } }],
  ['master', { master: { ...one.master, orig: { ...one.master.orig, sport: 4712 } } }],
  ['protocol of its master', { master: { ...one.master, proto: 17 } }],
])('an expectation with another %s is another one', (_, change) => {
  expect(isSameExpectation({ ...one, ...change }, one)).toBe(false);
});

test('call ids count for GRE as ports do', () => {
  const gre: ExpectedFlow = {
    ...one,
    proto: 47,
    orig: { src: one.orig.src, dst: one.orig.dst, srcKey: 1, dstKey: 2 },
    mask: { src: ALL, dst: ALL, srcKey: 65_535, dstKey: 65_535 },
  };
  expect(isSameExpectation(gre, gre)).toBe(true);
  expect(isSameExpectation({ ...gre, orig: { ...gre.orig, dstKey: 3 } }, gre)).toBe(false);
});
