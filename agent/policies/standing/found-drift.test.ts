import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arbitraryRules } from '../../../test/support/arbitrary-policy.ts';
import { canonicalRule } from '../../../proto/model/policy/canonical-rule.ts';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import { rulePath } from '../../../proto/model/policy/effective.ts';
import { HELPERS } from '../../../proto/model/policy/helpers.ts';
import { tableOf, type HeldValues } from '../applying/change-set.ts';
import type { TableListing } from '../rules-in.ts';
import { driftOf } from './found-drift.ts';
import { restoredAt, tableStep } from './table-step.ts';

const SPARED = [{ proto: 'tcp', dst: ['10.0.0.1'], dport: [{ from: 22, to: 22 }] }];
const held = fc.record({
  settings: fc.constant({}),
  rules: arbitraryRules,
  helpers: fc.subarray(Object.keys(HELPERS)),
  timeouts: fc.constant({}),
});
/** The table of these values as it would be read. */
const listed = (values: HeldValues): TableListing | undefined => {
  const table = tableOf(values, SPARED);
  return table && { table, strange: [] };
};
const textOf = (rule: PolicyRule): string => JSON.stringify(canonicalRule(rule));

it('a gateway that is as its policy has it has no drift', () => {
  fc.assert(
    fc.property(held, (values) => {
      expect(driftOf(values, {}, listed(values))).toEqual([]);
    }),
  );
});

it('a table of other rules and helpers differs exactly at these', () => {
  fc.assert(
    fc.property(held, held, (wanted, actual) => {
      const found = listed(actual);
      fc.pre(found !== undefined);
      const texts = new Map(actual.rules.map((rule) => [rule.name, textOf(rule)]));
      const changed = wanted.rules.filter((rule) => texts.get(rule.name) !== textOf(rule)).map(({ name }) => name);
      const added = actual.rules.filter(({ name }) => !wanted.rules.some((rule) => rule.name === name)).map(({ name }) => name);
      const helpers = wanted.helpers.toSorted().join() === actual.helpers.toSorted().join() ? [] : ['helpers'];
      const differs = [...helpers, ...[...changed, ...added].map(rulePath)];
      const paths = driftOf(wanted, {}, found).map(({ path }) => path);
      // Where nothing else differs, the order may.
      expect(paths.filter((path) => path !== 'table' || differs.length > 0).toSorted()).toEqual(differs.toSorted());
    }),
  );
});

it('what is left as it is stays so at every look, and restored at every path it is as the policy has it', () => {
  fc.assert(
    fc.property(held, held, (wanted, actual) => {
      const found = listed(actual);
      fc.pre(found !== undefined);
      const drift = driftOf(wanted, {}, found);
      const step = tableStep(wanted, found, { drift, spared: SPARED, isSetAgain: false });
      if (drift.length > 0) expect(step).toEqual({ do: 'nothing' });
      const { rules, helpers } = restoredAt(
        drift.map(({ path }) => path),
        wanted,
        found,
      );
      expect([rules.map(textOf), helpers.toSorted()]).toEqual([wanted.rules.map(textOf), wanted.helpers.toSorted()]);
    }),
  );
});

it('what was taken by a colleague from chains of ours is what is missing, not what that leaves behind', () => {
  fc.assert(
    fc.property(held, fc.nat(), (values, which) => {
      const found = listed(values);
      fc.pre(found !== undefined && values.rules.length > 0);
      const at = which % values.rules.length;
      for (const chain of found!.table.chains)
        chain.rules = chain.rules.filter(({ comment }) => !new RegExp(`^${at}<? `).test(comment ?? ''));
      expect(driftOf(values, {}, found).map(({ path }) => path)).toEqual([rulePath(values.rules[at]!.name)]);
    }),
  );
});
