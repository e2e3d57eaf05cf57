import { LEVELS, type Level } from '../policy/effective.ts';
import { BUILT_IN_RULES } from './built-in.ts';
import { isBelow, type Rule, type RuleChange, type RulesDocument } from './rule.ts';

/** A document as it is attached somewhere above a gateway, or to it. */
export interface RulesLayer {
  documentId: string;
  level: Level;
  document: RulesDocument;
}

/** Which document a value is from; `default`: it is built in. */
export interface RuleOrigin {
  level: Level | 'default';
  document?: string;
  documentId?: string;
}

/** A rule with the origin of each of its values, by its place: `isOn`, `severity`, `raise` and the others. */
export interface EffectiveRule extends Rule {
  origins: Readonly<Record<string, RuleOrigin>>;
}

/** On one gateway: a few hundred documents of fifty rules each could come to more. */
export const MAX_EFFECTIVE_RULES = 200;
const DEFAULT: RuleOrigin = { level: 'default' };
const VALUES = ['measure', 'raise', 'clear', 'for', 'clearFor'] as const;

/**
 * Merges documents, whatever their order, over the built-in rules, value by value. That of a narrower level replaces that of a wider
 * one; on one level, that of the document whose name comes later in the alphabet. A level at which to clear that ends up on the wrong side
 * of the one at which to raise is moved to it, so that nothing is raised and cleared by the same value.
 */
export function effectiveRules(layers: readonly RulesLayer[]): EffectiveRule[] {
  const rules = new Map(BUILT_IN_RULES.map((rule) => [rule.name, builtIn(rule)]));
  for (const layer of layers.toSorted(byPrecedence))
    for (const [name, change] of Object.entries(layer.document.rules)) {
      const before = rules.get(name) ?? added(name, change, layer);
      if (before && (rules.has(name) || rules.size < MAX_EFFECTIVE_RULES)) rules.set(name, merged(before, change, originOf(layer)));
    }
  return [...rules.values()].map(withOrderedLevels);
}

function builtIn(rule: Rule): EffectiveRule {
  const keys = ['isOn', 'severity', ...Object.keys(rule.values)];
  return { ...rule, origins: Object.fromEntries(keys.map((key) => [key, DEFAULT])) };
}

/** One of an operator's own, before its values; undefined where a narrower document changes a rule that is no longer there. */
function added(name: string, { kind }: RuleChange, layer: RulesLayer): EffectiveRule | undefined {
  if (kind === undefined) return undefined;
  const origin = originOf(layer);
  return { name, kind, isOn: true, severity: 'warning', values: {}, origins: { isOn: origin, severity: DEFAULT } };
}

function merged(rule: EffectiveRule, change: RuleChange, origin: RuleOrigin): EffectiveRule {
  const isOther = change.kind !== undefined && change.kind !== rule.kind;
  const base: EffectiveRule = isOther ? { ...rule, kind: change.kind!, values: {}, origins: { isOn: origin, severity: DEFAULT } } : rule;
  const values = { ...base.values };
  const origins = { ...base.origins };
  for (const key of VALUES) {
    if (change[key] === undefined) continue;
    Object.assign(values, { [key]: change[key] });
    origins[key] = origin;
  }
  for (const key of ['isOn', 'severity'] as const) if (change[key] !== undefined) origins[key] = origin;
  return { ...base, isOn: change.isOn ?? base.isOn, severity: change.severity ?? base.severity, values, origins };
}

function withOrderedLevels(rule: EffectiveRule): EffectiveRule {
  const { raise, clear } = rule.values;
  if (raise === undefined || clear === undefined || rule.kind === 'measure') return rule;
  const ordered = isBelow(rule) ? Math.max(raise, clear) : Math.min(raise, clear);
  return ordered === clear ? rule : { ...rule, values: { ...rule.values, clear: ordered } };
}

function originOf({ documentId, level, document }: RulesLayer): RuleOrigin {
  return { level, document: document.metadata.name, documentId };
}

function byPrecedence(a: RulesLayer, b: RulesLayer): number {
  const [one, other] = [a, b].map(({ document, documentId }) => `${document.metadata.name}\n${documentId}`) as [string, string];
  return LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || (one < other ? -1 : one > other ? 1 : 0);
}
