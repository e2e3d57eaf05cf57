import { expect, test } from 'vitest';
import { INET_HOOK } from './nf-tables.ts';
import { partOfHooks } from './part-of-hooks.ts';
import { FAMILY, setId, VERDICT, type Chain, type Expression, type Ruleset, type RuleSet } from './ruleset.ts';

const jump = (chain: string): Expression => ({ kind: 'immediate', to: VERDICT, data: { verdict: { kind: 'jump', chain } } });
const lookup = (set: string): Expression => ({ kind: 'lookup', set, from: 0, isInverted: false });
const chain = (name: string, hook: number | undefined, ...expressions: Expression[]): Chain => ({
  family: FAMILY.inet,
  table: 't',
  name,
  rules: [{ handle: 1, expressions }],
  ...(hook !== undefined && { base: { type: 'filter', hook, priority: 0, drops: false, devices: [] } }),
});
const set = (name: string, ...chains: string[]): RuleSet => ({
  name,
  keyLength: 4,
  fields: [],
  count: 0,
  keys: new Uint8Array(),
  data: chains.map((to) => ({ verdict: { kind: 'goto', chain: to } })),
});

test('what a hook comes to is kept, by jumps and by maps, and what only another comes to is not', () => {
  const ruleset: Ruleset = {
    chains: [
      chain('input', INET_HOOK.input, jump('blocked')),
      chain('blocked', undefined, lookup('bad')),
      chain('marks', INET_HOOK.prerouting, lookup('map')),
      chain('by-map', undefined, jump('deeper')),
      chain('deeper', undefined, lookup('good'), jump('by-map')),
    ],
    sets: Object.fromEntries([set('bad'), set('good'), set('map', 'by-map')].map((one) => [setId(FAMILY.inet, 't', one.name), one])),
  };
  const part = partOfHooks(ruleset, ['prerouting', 'output']);
  expect(part.chains.map(({ name }) => name)).toEqual(['marks', 'by-map', 'deeper']);
  expect(
    Object.values(part.sets)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['good', 'map']);
});
