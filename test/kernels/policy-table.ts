import assert from 'node:assert/strict';
import { rulesIn } from '../../agent/policies/rules-in.ts';
import { rulesetOf } from '../../agent/policies/ruleset.ts';
import { canonicalRule } from '../../proto/model/policy/canonical-rule.ts';
import type { PolicyRule } from '../../proto/model/policy/document.ts';
import { PolicyStage } from '../support/policy-stage.ts';
import { sharing, type CheckGroup, type Seen } from './check.ts';

/** Every comparison and every act, with one value, with several and with intervals. */
const RULES: readonly PolicyRule[] = [
  { name: 'multicast', match: { dst: ['224.0.0.0/4', 'ff00::/8'] }, mode: 'off' },
  { name: 'one way', match: { src: ['10.9.0.0/16'], iif: ['lan'], proto: 'udp', dport: [{ from: 514, to: 514 }] }, mode: 'off' },
  { name: 'trunk', match: { proto: 'udp', dport: [{ from: 5060, to: 5061 }] }, mode: 'normal', idleTimeoutSeconds: 180 },
  {
    name: 'offices',
    match: { src: ['10.0.0.0/11', '192.0.2.7', 'fd00::/61'], iif: ['lan', 'ppp*'], oif: ['wan1', 'wan2'], proto: 'tcp' },
    mode: 'strict',
    idleTimeoutSeconds: 3600,
  },
  { name: 'marked', match: { mark: { value: 7, mask: 0xff }, zone: 5, src: ['192.0.2.0/30'] }, mode: 'loose' },
  {
    name: 'old web',
    match: {
      proto: 'tcp',
      dport: [
        { from: 80, to: 80 },
        { from: 8000, to: 8100 },
      ],
    },
    mode: 'deny',
    answer: 'reset',
  },
  { name: 'guests', match: { src: ['10.1.0.0/16', 'fd01::/64'] }, limits: { perSource: 20, perDestination: 30, answer: 'reset' } },
  { name: 'odd port', match: { proto: 'tcp', dport: [{ from: 2121, to: 2121 }] }, helper: 'ftp' },
];

export const policyTableChecks: CheckGroup = sharing(
  async () => new PolicyStage('ctk-table'),
  async (stage) => stage.remove(),
  {
    'policy: its table is told back by the kernel, and listed by nft, as it was made': async (stage) => {
      const seen = RULES.map((_, index) => tryRules(stage, RULES.slice(0, index + 1)));
      return { tables: seen.length, ...tryRules(stage, RULES.toReversed()) };
    },
  },
);

function tryRules(stage: PolicyStage, rules: readonly PolicyRule[]): Seen {
  const isToldBack = stage.replace(rulesetOf({ rules, helpers: ['sip'] }));
  assert.deepEqual(rulesIn(stage.found()!), { rules: rules.map(canonicalRule), helpers: ['sip'], strange: [] });
  assert.equal(isToldBack, true);
  return { rules: rules.length };
}
