import { expect, test } from 'vitest';
import { asList, asNumber, asPorts, asSwitch, asWord } from './values.ts';

test('an empty field is no value, whatever it is of', () => {
  for (const read of [asWord, asNumber, asList, asPorts]) expect(read('  ')).toBeUndefined();
  expect([asList(' , '), asSwitch('')]).toEqual([undefined, undefined]);
});

test('numbers are numbers, and everything else stays as it is for the reader to refuse', () => {
  expect(['4096', ' 7 ', '1e3', '-1', '99999999999999999'].map(asNumber)).toEqual([4096, 7, '1e3', '-1', '99999999999999999']);
});

test('one value is itself, and several are a list with commas or spaces', () => {
  expect([asList('10.0.0.0/8'), asList('10.0.0.0/8,fd00::/8  192.0.2.7')]).toEqual(['10.0.0.0/8', ['10.0.0.0/8', 'fd00::/8', '192.0.2.7']]);
  expect([asPorts('5060'), asPorts('https, 10000-20000, 22')]).toEqual([5060, ['https', '10000-20000', 22]]);
});

test('a switch is on, off or left to the kernel', () => {
  expect(['true', 'false', 'auto'].map(asSwitch)).toEqual([true, false, 'auto']);
});
