import { expect, test } from 'vitest';
import { endNeeds, endSentence } from './authority-words.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const end = { kind: 'intermediate', name: 'CN=a', endsAt: '2026-12-20T00:00:00Z', isReplacedByItself: false } as const;

test('a certificate that ends soon needs somebody only if it is said what to do', () => {
  expect(endNeeds([end], NOW)).toEqual([]);
  const [need] = endNeeds([{ ...end, remedy: 'Prepare a new root.' }], NOW);
  expect(need).toMatchObject({ kind: 'warn', measure: '20 d', remedy: 'Prepare a new root.' });
  expect(endSentence(need!)).toBe('The intermediate of the authority needs you first: it ends in 20 d');
});

test('one that has ended is a failure', () => {
  const [need] = endNeeds([{ ...end, kind: 'root', remedy: 'Prepare a new root.' }], Date.parse('2027-01-01T00:00:00Z'));
  expect(need).toMatchObject({ kind: 'failed', measure: 'ended' });
  expect(endSentence(need!)).toBe('The root of the authority needs you first: it has ended');
});
