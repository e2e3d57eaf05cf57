import { expect, test } from 'vitest';
import { wanFault } from '../../proto/model/wan-fault.ts';
import { wanFaultWords } from './wan-words.ts';

const wan = (name: string, over: { isUp?: boolean; isAnswering?: boolean } = {}) => ({ name, interface: 'eth1', addresses: [], ...over });

test('a WAN whose link is up and beyond which nothing answers is at fault; what is not known is not', () => {
  expect([wanFault(wan('a')), wanFault(wan('a', { isUp: true, isAnswering: true })), wanFault(wan('a', { isUp: true }))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(wanFault(wan('a', { isUp: true, isAnswering: false }))).toBe('not answering');
  expect(wanFault(wan('a', { isUp: false, isAnswering: false }))).toBe('down');
});

test('the faults of several are told by kind', () => {
  expect(wanFaultWords([wan('a', { isUp: true })])).toBeUndefined();
  expect(wanFaultWords([wan('a', { isUp: false }), wan('b', { isAnswering: false }), wan('c', { isUp: false })])).toBe(
    'a and c down, b not answering',
  );
});
