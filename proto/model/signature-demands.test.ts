import { expect, it } from 'vitest';
import { demandMet, SIGNATURE_DEMANDS } from './signature-demands.ts';

const planned = { method: 'delete' as const, flows: 100, tableCount: 1000 };

it('a method is demanded for by its word, however few flows', () => {
  expect(demandMet(['reset', 'block'], { ...planned, method: 'reset', flows: 0 })).toBe('reset');
  expect(demandMet(['reset', 'block'], { ...planned, method: 'block', flows: 0 })).toBe('block');
  expect(demandMet(['reset', 'block'], planned)).toBeUndefined();
  expect(demandMet([], { ...planned, method: 'reset', flows: 1000 })).toBeUndefined();
});

it('a whole table is 95 % of it, by any method, with what went within the last minute, and not a few flows', () => {
  expect(demandMet(SIGNATURE_DEMANDS, { ...planned, flows: 949 })).toBeUndefined();
  expect(demandMet(SIGNATURE_DEMANDS, { ...planned, flows: 950 })).toBe('whole-table');
  expect(demandMet(['whole-table'], { ...planned, method: 'expire', flows: 950 })).toBe('whole-table');
  expect(demandMet(SIGNATURE_DEMANDS, { method: 'delete', flows: 450, before: 500, tableCount: 500 })).toBe('whole-table');
  expect(demandMet(SIGNATURE_DEMANDS, { method: 'delete', flows: 25, tableCount: 25 })).toBeUndefined();
  expect(demandMet(SIGNATURE_DEMANDS, { method: 'delete', flows: 26, tableCount: 26 })).toBe('whole-table');
});
