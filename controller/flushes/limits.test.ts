import { describe, expect, it } from 'vitest';
import type { Limits } from '../../proto/http/limits.ts';
import { DEFAULT_LIMITS, needsSecondPerson, type LimitedPart } from './limits.ts';

const NEVER: Limits = { flows: null, percentOfTable: null, isEverything: false, areSeveralTenants: false };
const part = (flows: number, change: Partial<LimitedPart> = {}): LimitedPart => ({ tenantId: 'a', flows, tableCount: 100_000, ...change });
const needs = (parts: LimitedPart[], isEverything = false, limits: Record<string, Limits> = {}): boolean => needsSecondPerson(parts, isEverything, (id) => limits[id] ?? DEFAULT_LIMITS);

describe('a second person is needed', () => {
  it('from where on the tenant says, and not below', () => {
    expect([needs([part(5000)]), needs([part(5001)]), needs([part(3000), part(2001)])]).toEqual([false, true, true]);
  });

  it('for a large share of a table, unless that is few flows', () => {
    expect([needs([part(1001, { tableCount: 5000 })]), needs([part(900, { tableCount: 1000 })]), needs([part(2000, { tableCount: 20_000 })])]).toEqual([true, false, false]);
  });

  it('for everything, and for several tenants of which one wants it', () => {
    expect([needs([part(1)], true), needs([part(1), part(1, { tenantId: 'b' })])]).toEqual([true, true]);
    expect(needs([part(1), part(1, { tenantId: 'b' })], false, { a: NEVER })).toBe(true);
    expect(needs([part(1), part(0, { tenantId: 'b' })])).toBe(false);
  });

  it('never where one person works alone and has said so', () => {
    expect(needs([part(400_000, { tableCount: 400_000 }), part(9, { tenantId: 'b' })], true, { a: NEVER, b: NEVER })).toBe(false);
  });
});
