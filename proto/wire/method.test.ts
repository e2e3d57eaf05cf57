import { expect, test } from 'vitest';
import { Method } from '../gen/ctfleet/v1/operation.ts';
import { METHOD_WORDS } from '../model/method.ts';
import { describeMethod, fromWireMethod, fromWireMethods, toWireMethod } from './method.ts';

test('each word maps to one method on the wire and back', () => {
  expect(METHOD_WORDS.map((word) => fromWireMethod(toWireMethod(word)))).toEqual(METHOD_WORDS);
  expect(new Set(METHOD_WORDS.map(toWireMethod)).size).toBe(METHOD_WORDS.length);
});

test('an unknown method is never taken for another', () => {
  const unknown = [Method.METHOD_UNSPECIFIED, 99 as Method, Method.UNRECOGNIZED];
  expect(unknown.map(fromWireMethod)).toEqual([undefined, undefined, undefined]);
  expect(unknown.map(describeMethod)).toEqual(['none', 'unknown method 99', 'unknown method -1']);
  expect(fromWireMethods([99 as Method, Method.METHOD_BLOCK, Method.METHOD_DELETE])).toEqual(['delete', 'block']);
});
