import { expect, test } from 'vitest';
import { formatFilter } from './format.ts';
import { fillFilter, placeholdersOf } from './template.ts';

function filled(text: string, names: Parameters<typeof fillFilter>[1]): string {
  const result = fillFilter(text, names);
  return 'filter' in result ? formatFilter(result.filter) : `problem: ${result.problem.message} at ${result.problem.start}`;
}

test('names are substituted as values of the grammar', () => {
  expect(filled('stale:yes wan:$wan', { wan: 'wan1' })).toBe('stale:yes wan:wan1');
  expect(filled('nat:$address proto:udp', { address: '198.18.0.12' })).toBe('nat:198.18.0.12 proto:udp');
});

test('a name that contains words of the grammar stays one value', () => {
  const result = fillFilter('wan:$wan', { wan: 'x or all' });
  expect(result).toMatchObject({ filter: { kind: 'term', field: 'wan', match: { kind: 'glob', pattern: 'x or all' } } });
  expect(fillFilter('wan:$wan', { wan: 'a" or "b' })).toMatchObject({ filter: { kind: 'term', field: 'wan' } });
});

test('a missing name is a problem with its place', () => {
  expect(filled('stale:yes wan:$wan', {})).toBe('problem: There is no value for $wan at 14');
  expect(filled('wan:$isp', { wan: 'wan1' })).toBe('problem: There is no value for $isp at 4');
});

test('the names that a text refers to are listed once each', () => {
  expect(placeholdersOf('wan:$wan or nat:$address or -wan:$wan')).toEqual(['wan', 'address']);
});
