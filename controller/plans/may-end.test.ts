import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Limits } from '../../proto/http/limits.ts';
import { remediationDocument } from '../../proto/http/remediation-document.ts';
import { DEFAULT_LIMITS, mayEnd, type LimitedPart } from './may-end.ts';

const NEVER: Limits = { flows: null, percentOfTable: null, isEverything: false, areSeveralTenants: false, approvalsBySignature: false };
const part = (flows: number, change: Partial<LimitedPart> = {}): LimitedPart => ({ tenantId: 'a', flows, tableCount: 100_000, ...change });
const needs = (parts: LimitedPart[], isEverything = false, limits: Record<string, Limits> = {}, before = 0): boolean =>
  mayEnd({ kind: 'plan', parts, isEverything, before: () => before }, (id) => limits[id] ?? DEFAULT_LIMITS).kind === 'second-person';

describe('a plan needs a second person', () => {
  it('from where on the tenant says, and not below', () => {
    expect([needs([part(5000)]), needs([part(5001)]), needs([part(3000), part(2001)])]).toEqual([false, true, true]);
  });

  it('for a large share of a table, unless that is few flows', () => {
    expect([
      needs([part(1001, { tableCount: 5000 })]),
      needs([part(900, { tableCount: 1000 })]),
      needs([part(2000, { tableCount: 20_000 })]),
    ]).toEqual([true, false, false]);
  });

  it('for everything, in that word or as a filter that every flow fits, and for several tenants of which one wants it', () => {
    expect([needs([part(1)], true), needs([part(1), part(1, { tenantId: 'b' })])]).toEqual([true, true]);
    expect(needs([part(4000, { tableCount: 4100 })], false, { a: { ...NEVER, isEverything: true } })).toBe(true);
    expect(needs([part(1), part(1, { tenantId: 'b' })], false, { a: NEVER })).toBe(true);
    expect([
      needs([part(0, { refusesAnyone: true })]),
      needs([part(0, { refusesAnyone: true })], false, { a: NEVER }),
      needs([part(0)]),
    ]).toEqual([true, false, false]);
    // A block touches gateways on which it has no flow yet.
    expect(needs([part(1), part(0, { tenantId: 'b' })])).toBe(true);
  });

  it('for what comes to more with what was ended in the last ten minutes', () => {
    expect([needs([part(1000)], false, {}, 4000), needs([part(1000)], false, {}, 4001)]).toEqual([false, true]);
    expect([needs([part(900, { tableCount: 9000, before: 100 })]), needs([part(900, { tableCount: 9000, before: 200 })])]).toEqual([
      false,
      true,
    ]);
  });

  it('never where one person works alone and has said so', () => {
    expect(needs([part(400_000, { tableCount: 400_000 }), part(9, { tenantId: 'b' })], true, { a: NEVER, b: NEVER }, 1e6)).toBe(false);
  });

  it('however it is split: the last of many plans needs one if one plan of all would have', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const last = sizes.at(-1)!;
        expect(needs([part(last, { tableCount: 1e6 })], false, {}, total - last)).toBe(needs([part(total, { tableCount: 1e6 })]));
      }),
    );
  });
});

describe('a remediation that acts needs a second person', () => {
  const acts = (limits: object, more: { tenantIds?: string[]; isByToken?: boolean; of?: Limits } = {}) =>
    mayEnd(
      {
        kind: 'remediation',
        document: remediationDocument.parse({ name: 'r', filter: 'proto:udp', trigger: { kind: 'manual' }, limits }),
        tenantIds: more.tenantIds ?? ['a'],
        isByToken: more.isByToken ?? false,
      },
      () => more.of ?? DEFAULT_LIMITS,
    ).kind;

  it('where it may end more than one person may, in flows or in share', () => {
    expect([
      acts({ maxFlows: 5000, maxPercentOfTable: 10 }),
      acts({ maxFlows: 5001, maxPercentOfTable: 10 }),
      acts({ maxFlows: 5000, maxPercentOfTable: 11 }),
    ]).toEqual(['free', 'second-person', 'second-person']);
    expect(acts({ maxFlows: 1000, maxPercentOfTable: 100 })).toBe('free');
    expect(acts({ maxFlows: 2000, maxPercentOfTable: 100 }, { of: { ...NEVER, isEverything: true } })).toBe('second-person');
  });

  it('in several tenants of which one wants it, and whenever a token saved it', () => {
    expect([acts({ maxFlows: 1 }, { tenantIds: ['a', 'b'] }), acts({ maxFlows: 1 }, { tenantIds: ['a', 'b'], of: NEVER })]).toEqual([
      'second-person',
      'free',
    ]);
    expect([acts({ maxFlows: 1 }, { isByToken: true }), acts({ maxFlows: 1 }, { isByToken: true, of: NEVER })]).toEqual([
      'second-person',
      'second-person',
    ]);
  });
});

describe('an undo', () => {
  it('ends nothing, and needs nobody else', () => {
    expect(mayEnd({ kind: 'undo' }, () => DEFAULT_LIMITS)).toEqual({ kind: 'free' });
  });
});
