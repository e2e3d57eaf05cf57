import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { countsOf, IDS_OF_LEVEL, readAsvs, stateOf } from './asvs.ts';
import { missingTests } from './checks/named-tests.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(path.join(ROOT, 'docs/security', name), 'utf8');
const all = readAsvs(read('asvs.yaml'));

describe('docs/security/asvs.yaml', () => {
  it.each([1, 2] as const)('has every requirement of level %i once, and no other', (level) => {
    expect(all.filter((one) => one.level === level).map(({ id }) => id)).toHaveLength(IDS_OF_LEVEL[level].length);
    expect(new Set(all.filter((one) => one.level === level).map(({ id }) => id))).toEqual(new Set(IDS_OF_LEVEL[level]));
  });

  it('is in the standard’s order', () => {
    const numbers = all.map(({ id }) =>
      id
        .slice(1)
        .split('.')
        .reduce((sum, part) => sum * 100 + Number(part), 0),
    );
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  it('names tests that exist', () => {
    expect(all.flatMap(({ id, tests = [] }) => missingTests(ROOT, tests).map((test) => ({ id, ...test })))).toEqual([]);
  });

  it('has a named test for at least 80 % of what applies', () => {
    const applying = all.filter((one) => stateOf(one) !== 'not applicable');
    expect(applying.filter((one) => stateOf(one) === 'proved').length / applying.length).toBeGreaterThanOrEqual(0.8);
  });

  it('is counted in the README as it is', () => {
    expect(read('README.md')).toContain(countsOf(all));
  });
});

describe('an entry', () => {
  const entry = { id: 'V1.1.1', level: 1, means: 'what it means here' };
  it.each([
    ['neither a test nor a reason', entry],
    [
      'a reason why it does not apply beside a test',
      { ...entry, 'not-applicable': 'there is nothing of it', tests: [{ file: 'a', name: 'a title of it' }] },
    ],
    ['a reason that says nothing', { ...entry, 'not-applicable': 'no' }],
    ['an empty list of tests', { ...entry, tests: [] }],
  ])('with %s is refused', (_, one) => expect(() => readAsvs(JSON.stringify([one]))).toThrow(/either does not apply|Too small|too_small/));

  it('with a test and what is missing is proved in part, which does not count', () => {
    const tests = [{ file: 'a.test.ts', name: 'a title of a test' }];
    const [part, whole] = readAsvs(
      JSON.stringify([
        { ...entry, tests, why: 'the other half is missing' },
        { ...entry, tests },
      ]),
    );
    expect([stateOf(part!), stateOf(whole!)]).toEqual(['open', 'proved']);
  });
});
