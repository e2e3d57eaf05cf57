import { expect, test } from 'vitest';
import type { Chain, Expression, Rule } from '../../firewall/rules/ruleset.ts';
import { foreignTracking } from './foreign-tracking.ts';

const drop: Expression = { kind: 'immediate', to: -1, data: { verdict: { kind: 'drop' } } };

function chainOf(rules: Expression[][], names: Partial<Chain> = {}): Chain {
  return {
    family: 1,
    table: 'fw',
    name: 'pre',
    base: { type: 'filter', hook: 0, priority: -300, drops: false, devices: [] },
    rules: rules.map((expressions, at): Rule => ({ handle: at + 1, expressions })),
    ...names,
  };
}

function foreign(...chains: Chain[]) {
  return foreignTracking({ chains, sets: {} }, () => false);
}

test('an expression and a target that nobody has heard of are named', () => {
  const found = foreign(
    chainOf([
      [{ kind: 'chance', name: 'of a kernel to come' }, drop],
      [{ kind: 'target', name: 'XYZ', revision: 0, info: new Uint8Array(4) }],
    ]),
  );
  expect(found.undecoded.map(({ parts, place }) => [parts, place.position])).toEqual([
    [['of a kernel to come'], 1],
    [['target XYZ'], 2],
  ]);
  expect(found.rules).toEqual([]);
});

test('a target CT whose bytes are too few is not taken for one that says nothing', () => {
  const found = foreign(chainOf([[{ kind: 'target', name: 'CT', revision: 2, info: new Uint8Array(8) }]]));
  expect([found.rules, found.undecoded.map(({ parts }) => parts)]).toEqual([[], [['target CT']]]);
});

test('a match of iptables that is not decoded is only a condition', () => {
  const found = foreign(chainOf([[{ kind: 'match', name: 'set', revision: 4, info: new Uint8Array(40) }, { kind: 'notrack' }]]));
  expect(found).toMatchObject({ rules: [{ says: [{ kind: 'notrack' }], text: 'xt match set notrack' }], undecoded: [] });
});

test('families and hooks that no packet of IPv4 and IPv6 meets have their names', () => {
  const base = { type: 'filter', hook: 1, priority: -5, drops: false, devices: ['eth0'] };
  const found = foreign(...[3, 5, 7, 99].map((family) => chainOf([[{ kind: 'notrack' }]], { family, base })));
  expect(found.rules.map(({ place }) => [place.family, place.hooks[0]!.hook])).toEqual([
    ['arp', 'output'],
    ['netdev', 'egress'],
    ['bridge', 'input'],
    ['99', 'input'],
  ]);
});

test('what is listed stays within its bytes, however long names are', () => {
  const chains = Array.from({ length: 40 }, (_, at) =>
    chainOf(
      Array.from({ length: 20 }, () => [{ kind: 'notrack' } as Expression]),
      { table: 't'.repeat(250) + at, name: 'c'.repeat(250) },
    ),
  );
  const found = foreign(...chains);
  expect(found.rules.length + found.left).toBe(800);
  expect(found.rules.length).toBeGreaterThan(150);
  expect(JSON.stringify(found).length).toBeLessThan(170_000);
});
