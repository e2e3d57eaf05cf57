import type { PolicyMatch, PolicyRule, Timeouts } from '../../proto/model/policy/document.ts';
import { HELPERS } from '../../proto/model/policy/helpers.ts';
import type { PolicyTable } from './policy-table.ts';
import { TableMaker } from './table-maker.ts';

/** What the table is made of: what `settledValues` leaves of a policy, and the timeouts of TCP beside a rule's idle timeout. */
export interface RulesetInput {
  rules: readonly PolicyRule[];
  /** At their usual ports. */
  helpers: readonly string[];
  timeouts?: Timeouts;
  /** Packets to this gateway that no rule touches, as they come in: the agent's own channel, and SSH. */
  spared?: readonly PolicyMatch[];
}

/** The table in which these rules hold; undefined if there is nothing to put into it. Pairs with `rulesIn`. */
export function rulesetOf({ rules, helpers, timeouts = {}, spared = [] }: RulesetInput): PolicyTable | undefined {
  if (rules.length === 0 && helpers.length === 0) return undefined;
  const maker = new TableMaker();
  rules.forEach((rule, index) => {
    maker.of = { index, name: rule.name };
    const { match, mode, answer = 'drop', idleTimeoutSeconds, helper, limits } = rule;
    const isLater = (one: 'off' | 'deny'): boolean => rules.slice(index + 1).some((later) => later.mode === one);
    const isBefore = { off: isLater('off'), deny: isLater('deny') };
    if (mode === 'off') maker.addOff(match);
    else if (mode === 'deny') maker.addDeny(match, answer, isBefore);
    else if (mode) maker.addMode(match, mode, isBefore);
    if (idleTimeoutSeconds !== undefined) maker.addTimeout(match, idleTimeoutSeconds, timeouts);
    if (helper !== undefined) maker.addHelper(match, helper);
    if (limits) maker.addLimits(match, limits);
  });
  maker.of = undefined;
  for (const helper of [...helpers].toSorted())
    for (const { proto, port } of HELPERS[helper]!.ports) maker.addHelper({ proto, dport: [{ from: port, to: port }] }, helper);
  maker.addBases(spared);
  return maker.finish();
}
