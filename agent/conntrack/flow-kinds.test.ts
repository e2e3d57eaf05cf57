import fc from 'fast-check';
import { expect, it } from 'vitest';
import { evaluateFilter } from '../../proto/model/filter/evaluate.ts';
import { FLOW_KINDS } from '../../proto/model/wan-event.ts';
import { arbitraryFlow } from '../../test/support/arbitrary-flow.ts';
import { KIND_FILTERS, kindOf } from './flow-kinds.ts';

it('every flow is of one kind, the same by its filter as by itself', () => {
  const flow = fc
    .tuple(
      arbitraryFlow,
      fc.option(fc.constantFrom(53, 500, 1194, 4500, 5060, 5061, 10_000, 20_000, 51_820)),
      fc.constantFrom(undefined, 'sip', 'ftp'),
    )
    .map(([one, dport, helper]) => ({
      ...one,
      helper,
      orig: { ...one.orig, ...(dport !== null && one.orig.dport !== undefined && { dport }) },
    }));
  fc.assert(
    fc.property(flow, (one) => {
      expect(FLOW_KINDS.filter((kind) => evaluateFilter(KIND_FILTERS[kind], one, 0))).toEqual([kindOf(one)]);
    }),
  );
});
