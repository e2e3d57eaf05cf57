import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noFigures } from '../model/fleet-figures.ts';
import type { Gateway } from './gateway.ts';
import { changeBetween, saysMore, withChange } from './overview-change.ts';
import type { Overview } from './overview.ts';

const row = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), name: fc.constantFrom('x', 'y') });
const anOverview = fc
  .record({
    flows: fc.integer({ min: 0, max: 2 }),
    isOld: fc.boolean(),
    rows: fc.uniqueArray(row, { selector: ({ id }) => id }),
    tenants: fc.uniqueArray(row, { selector: ({ id }) => id }),
    otherTenants: fc.integer({ min: 0, max: 1 }),
    unreadable: fc.option(fc.constant<{ id: string; reason: string }[]>([{ id: 'u', reason: 'r' }]), { nil: undefined }),
  })
  .map(({ flows, rows, tenants, ...rest }): Overview => ({
    asOf: '2026-01-01T00:00:00Z',
    ...rest,
    figures: { ...noFigures(), flows },
    rows: rows as unknown as Gateway[],
    tenants: tenants.map((tenant) => ({ ...tenant, gateways: 1, needs: 0, bands: [] })),
  }));

it('a reader who takes every change has what the controller has, whatever changed', () => {
  fc.assert(
    fc.property(fc.array(anOverview, { minLength: 1, maxLength: 6 }), (all) => {
      let had: Overview | undefined;
      for (const [index, each] of all.entries()) {
        had = withChange(had, JSON.parse(JSON.stringify(changeBetween(all[index - 1], each))));
        expect(had).toEqual(each);
      }
    }),
  );
});

it('nothing is sent of what stayed the same', () => {
  fc.assert(fc.property(anOverview, (one) => !saysMore(changeBetween(one, structuredClone(one)))));
});

it('a change of something that was never received is not taken for the whole', () => {
  expect(
    withChange(undefined, { asOf: '2026-01-01T00:00:00Z', isOld: false, figures: noFigures(), order: ['a'], tenantOrder: [] }),
  ).toBeUndefined();
});
