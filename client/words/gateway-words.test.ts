import { expect, test } from 'vitest';
import { guardLines, worksWords } from './gateway-words.ts';

test('a guard says its share and whose word that is, and before all why nothing is ended', () => {
  const guard = { isReadOnly: false, methods: [], protected: [] };
  const words = (over: object) => guardLines({ ...guard, ...over }).map(({ word, text }) => `${word}: ${text}`);
  expect(words({})).toEqual([]);
  expect(words({ mostPercentOfTable: 50, isBuiltIn: true })).toEqual([
    '50 % a minute: of its table at most, built in; stale flows, and up to 1,000, do not count',
  ]);
  expect(
    words({
      mostPercentOfTable: 30,
      isBuiltIn: false,
      methods: ['delete', 'expire'],
      mostDeletesAMinute: 20_000,
      protected: ['dst:198.51.100.10'],
    }),
  ).toEqual([
    '30 % a minute: of its table at most, by its guard file',
    '20,000 a minute: deletes at most, by its guard file',
    'methods: only delete, expire',
    'protected: dst:198.51.100.10',
  ]);
  expect(words({ isReadOnly: true, error: 'line 3: no such word' })[0]).toBe('ends nothing: line 3: no such word');
  expect(words({ isReadOnly: true })[0]).toBe('read only: its owner lets nothing be ended here');
});

test('what works is said without the words of filters that the agent knows', () => {
  expect(worksWords(['search', 'delete', 'filter:endpoint', 'filter:none'])).toBe('search, delete');
  expect(worksWords(['filter:endpoint'])).toBe('nothing');
});
