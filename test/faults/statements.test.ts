import { expect, it } from 'vitest';
import { normalise } from './statements.ts';

it('a statement is kept once, however many rows and values it has', () => {
  const once = 'INSERT INTO plan (id, name) VALUES ($1,$2)';
  expect(normalise('INSERT INTO plan (id, name)\n  VALUES ($1,$2),($3,$4),($5,$6)')).toBe(once);
  expect(normalise('SELECT id FROM plan WHERE id IN ($1,$2,$3) LIMIT $4')).toBe('SELECT id FROM plan WHERE id IN ($1) LIMIT $2');
});

it('a parameter that is used twice stays one', () => {
  expect(normalise('SELECT $3, $1, $3')).toBe('SELECT $1, $2, $1');
});

it('what touches no table is left out', () => {
  for (const text of ['BEGIN', 'COMMIT', "SET statement_timeout = '5s'", 'LISTEN x', '-- nothing']) expect(normalise(text)).toBeUndefined();
});
