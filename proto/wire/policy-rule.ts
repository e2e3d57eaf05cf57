import type { OwnTable as WireTable, PolicyMatch as WireMatch, PolicyRule as WireRule } from '../gen/ctfleet/v1/policy.ts';
import type { OwnTable } from '../model/policy/actual.ts';
import { ANSWERS, MODES, type PolicyMatch, type PolicyRule, type RuleLimits } from '../model/policy/document.ts';
import { MAX_LIST, MAX_RULES } from '../model/policy/limits.ts';

/** What is listed as strange, and helpers. */
const MAX_NAMES = 200;

export function toWireOwnTable({ rules, helpers, strange }: OwnTable): WireTable {
  return { rules: rules.map(toWirePolicyRule), helpers, strange };
}

/** A rule that another version says, and this one does not understand, is listed as strange. */
export function fromWireOwnTable(wire: WireTable): OwnTable {
  const table: OwnTable = { rules: [], helpers: wire.helpers.slice(0, MAX_NAMES), strange: wire.strange.slice(0, MAX_NAMES) };
  for (const one of wire.rules.slice(0, MAX_RULES)) {
    const rule = fromWirePolicyRule(one);
    if (rule) table.rules.push(rule);
    else table.strange.push(`the rule ${one.name}: it says what this version does not know`);
  }
  if (wire.rules.length > MAX_RULES) table.strange.push(`${wire.rules.length - MAX_RULES} more rules`);
  return table;
}

export function toWirePolicyRule({ name, match, mode, answer, idleTimeoutSeconds, helper = '', limits }: PolicyRule): WireRule {
  return {
    name,
    match: toWireMatch(match),
    mode: mode ?? '',
    idleTimeoutSeconds,
    helper,
    limits: limits && { ...limits },
    answer: answer ?? '',
  };
}

/** Undefined for a rule with a word that this version does not know. */
export function fromWirePolicyRule({ name, match, mode, answer, idleTimeoutSeconds, helper, limits }: WireRule): PolicyRule | undefined {
  const rule: PolicyRule = { name, match: match ? fromWireMatch(match) : {} };
  if (mode !== '') {
    const known = MODES.find((one) => one === mode);
    if (!known) return undefined;
    rule.mode = known;
  }
  if (answer !== '') {
    const known = ANSWERS.find((one) => one === answer);
    if (!known) return undefined;
    rule.answer = known;
  }
  if (idleTimeoutSeconds !== undefined) rule.idleTimeoutSeconds = idleTimeoutSeconds;
  if (helper !== '') rule.helper = helper;
  if (limits) {
    const answer = ANSWERS.find((one) => one === limits.answer);
    if (!answer) return undefined;
    const { perSource, perDestination } = limits;
    const found: RuleLimits = { answer };
    if (perSource !== undefined) found.perSource = perSource;
    if (perDestination !== undefined) found.perDestination = perDestination;
    rule.limits = found;
  }
  return rule;
}

function toWireMatch({ proto = '', src = [], dst = [], sport = [], dport = [], iif = [], oif = [], zone, mark }: PolicyMatch): WireMatch {
  return { proto, src, dst, sport, dport, iif, oif, zone, mark };
}

function fromWireMatch({ proto, zone, mark, ...lists }: WireMatch): PolicyMatch {
  const match: PolicyMatch = {};
  if (proto !== '') match.proto = proto;
  for (const field of ['src', 'dst', 'iif', 'oif'] as const) if (lists[field].length > 0) match[field] = lists[field].slice(0, MAX_LIST);
  for (const field of ['sport', 'dport'] as const)
    if (lists[field].length > 0) match[field] = lists[field].slice(0, MAX_LIST).map(({ from, to }) => ({ from, to }));
  if (zone !== undefined) match.zone = zone;
  if (mark) match.mark = { value: mark.value, mask: mark.mask };
  return match;
}
