import { expect, it } from 'vitest';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import { rulesetOf } from '../ruleset.ts';
import { regimeOf } from './regime.ts';

const at = (port: number) => ({ proto: 'tcp', dport: [{ from: port, to: port }] });
const RULES: PolicyRule[] = [
  { name: 'zoned', match: { zone: 7 }, mode: 'strict' },
  { name: 'web', match: at(443), mode: 'normal', limits: { perSource: 20, answer: 'drop' } },
  { name: 'bulk', match: { proto: 'udp' }, mode: 'off' },
  { name: 'trunk', match: { proto: 'udp' }, idleTimeoutSeconds: 180, helper: 'sip' },
  { name: 'phones', match: { proto: 'udp', src: ['10.0.0.0/8'] }, idleTimeoutSeconds: 180 },
  { name: 'rest', match: {}, mode: 'deny', answer: 'drop' },
];
const regime = (rules: PolicyRule[], timeouts = {}) =>
  regimeOf({ rules, helpers: ['tftp', 'ftp'], settings: { a: 1 }, table: rulesetOf({ rules, helpers: [], timeouts }) });

it('has of each rule what it says, in the lists by which packets meet it', () => {
  const { off, modes, helpers, limits, settings } = regime(RULES);
  expect(off.map(({ path, isOff }) => [path, isOff])).toEqual([
    ['rules.web', false],
    ['rules.bulk', true],
    ['rules.rest', false],
  ]);
  expect(modes.map(({ path, mode }) => [path, mode])).toEqual([
    ['rules.zoned', 'strict'],
    ['rules.web', 'normal'],
    ['rules.rest', 'deny'],
  ]);
  expect(helpers.map(({ path, helper, match }) => [path, helper, match.dport?.[0]?.from])).toEqual([
    ['rules.trunk', 'sip', undefined],
    ['helpers', 'ftp', 21],
    ['helpers', 'tftp', 69],
  ]);
  expect(limits).toEqual([{ match: at(443), path: 'rules.web', perSource: 20 }]);
  expect(settings).toEqual({ a: 1 });
});

it('tells idle timeouts apart by the objects that the kernel has for them', () => {
  const objects = (rules: PolicyRule[], timeouts = {}) => regime(rules, timeouts).idle.map(({ object }) => object);
  const [trunk, phones] = objects(RULES);
  expect(trunk).toMatch(/^to_/);
  expect(phones).toBe(trunk);
  expect(objects([{ name: 'renamed', match: { proto: 'udp' }, idleTimeoutSeconds: 180 }])).toEqual([trunk]);
  const tcp: PolicyRule[] = [{ name: 'db', match: { proto: 'tcp' }, idleTimeoutSeconds: 180 }];
  expect(objects(tcp)).not.toEqual(objects(tcp, { 'tcp.timeWait': 5 }));
});
