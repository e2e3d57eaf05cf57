import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { missingTests } from './checks/named-tests.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const rows = readFileSync(path.join(ROOT, 'docs/faults.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, fault, proof] = /^\| (F\d+) \|[^|]*\| (.*) \|$/.exec(line) ?? [];
    return fault !== undefined && proof !== undefined
      ? [{ fault, tests: [...proof.matchAll(/`([^`]+)`: “([^”]+)”/g)].map(([, file, name]) => ({ file: file!, name: name! })) }]
      : [];
  });

it('docs/faults.md lists F1 to F40, in order and once', () => {
  expect(rows.map(({ fault }) => fault)).toEqual(Array.from({ length: 40 }, (_, index) => `F${index + 1}`));
});

it.each(rows)('$fault is proved by tests that exist', ({ tests }) => {
  expect(tests.length).toBeGreaterThan(0);
  expect(missingTests(ROOT, tests)).toEqual([]);
});
