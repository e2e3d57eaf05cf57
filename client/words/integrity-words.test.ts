import { expect, test } from 'vitest';
import { chainName, verdictWords, type Verdict } from './integrity-words.ts';

const chain = (over: Partial<Verdict['chains'][number]>): Verdict['chains'][number] => ({
  chain: 'system',
  entries: 40,
  checkpoints: 2,
  isIntact: true,
  ...over,
});
const verdict = (isIntact: boolean, chains: Verdict['chains']): Verdict => ({ checkedAt: '2026-11-23T08:00:00Z', isIntact, chains });

test('a record is called intact only if every chain is, and then with how much was checked', () => {
  expect(verdictWords(verdict(true, [chain({}), chain({ chain: 't', entries: 1 })]))).toEqual({
    isIntact: true,
    text: 'Intact: 41 entries in 2 chains, held against 4 signed checkpoints',
  });
  expect(verdictWords(verdict(false, [chain({}), chain({ isIntact: false, firstBreak: { seq: 7, why: 'its hash is another' } })]))).toEqual(
    { isIntact: false, text: 'The record is broken in 1 chain of 2' },
  );
  expect(verdictWords(verdict(true, [chain({ isIntact: false })])).isIntact).toBe(false);
});

test('a chain is named after its tenant', () => {
  expect(chainName(chain({}))).toBe('the fleet itself');
  expect(chainName(chain({ chain: '019ab', tenantName: 'Pine Logistics' }))).toBe('Pine Logistics');
});
