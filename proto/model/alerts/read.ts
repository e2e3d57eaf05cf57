import { NUMBER_NAMES } from '../measures.ts';
import { API_VERSION } from '../policy/document.ts';
import { withoutAbsent } from '../without-absent.ts';
import type { DocumentProblem } from '../yaml/problem.ts';
import { quoted, readText, type Place, type Reading } from '../yaml/reading.ts';
import { BUILT_IN_RULES } from './built-in.ts';
import { SEVERITIES, type AlertKind } from './kinds.ts';
import { KINDS_OF_RULES, RULES_KIND, type RuleChange, type RulesDocument, type RuleValues } from './rule.ts';

const NOUN = 'document of alert rules';
const MAX_NAME = 100;
export const MAX_RULES = 50;
const RULE_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const OPEN_KINDS = (Object.keys(KINDS_OF_RULES) as AlertKind[]).filter((kind) => KINDS_OF_RULES[kind].isOpen);
/** Seconds. */
const HOLD = { from: 0, to: 7 * 86_400 };
const LEVEL_RANGE = { percent: { from: 1, to: 100 }, flows: { from: 1, to: 1e9 }, measure: { from: 0, to: 1e15 } };
/** A gateway that says nothing for a minute may be restarting. */
const DURATION_LEVEL = { from: 60, to: 30 * 86_400 };

/** Reads rules from YAML or JSON. All of it is right, or every problem that was found is listed with its place. Never throws. */
export function readRules(text: string): { document: RulesDocument } | { problems: DocumentProblem[] } {
  return readText(text, NOUN, readDocument);
}

function readDocument(reading: Reading, place: Place): RulesDocument | undefined {
  const keys = reading.map(place, ['apiVersion', 'kind', 'metadata', 'spec'], ['apiVersion', 'kind', 'metadata', 'spec']);
  if (!keys) return undefined;
  if (keys.apiVersion) reading.word(keys.apiVersion, [API_VERSION], 'a version that this controller knows');
  if (keys.kind) reading.word(keys.kind, [RULES_KIND], 'the kind of alert rules');
  const metadata = keys.metadata && reading.map(keys.metadata, ['name', 'tenant'], ['name']);
  const name = metadata?.name && reading.name(metadata.name, MAX_NAME);
  const tenant = metadata?.tenant && reading.name(metadata.tenant, MAX_NAME);
  const spec = keys.spec && reading.map(keys.spec, ['rules'], ['rules']);
  const rules = spec?.rules && readRuleList(reading, spec.rules);
  return name === undefined || !rules ? undefined : { metadata: withoutAbsent({ name, tenant }), rules };
}

function readRuleList(reading: Reading, place: Place): Record<string, RuleChange> | undefined {
  const entries = reading.entries(place);
  if (!entries) return undefined;
  if (entries.length > MAX_RULES)
    return reading.wrong(place, `there are more than ${MAX_RULES} rules`, 'split them into several documents');
  // Without a prototype: a rule may have any name.
  const rules: Record<string, RuleChange> = Object.create(null);
  for (const { key, keyNode, place: at } of entries) {
    const rule = RULE_NAME.test(key)
      ? readRule(reading, key, at)
      : reading.wrong(
          { node: keyNode, path: at.path },
          `${quoted(key)} is no name of a rule`,
          'use small letters, digits and hyphens, at most 64',
        );
    if (rule) rules[key] = rule;
  }
  return rules;
}

function readRule(reading: Reading, name: string, place: Place): RuleChange | undefined {
  const builtIn = BUILT_IN_RULES.find((rule) => rule.name === name);
  const all = reading.map(place, ['kind', 'enabled', 'severity', 'measure', 'raise', 'clear', 'for', 'clearFor']);
  if (!all) return undefined;
  const kind = all.kind ? reading.word(all.kind, builtIn ? [builtIn.kind] : OPEN_KINDS, 'a kind that this rule can have') : builtIn?.kind;
  if (kind === undefined)
    return all.kind
      ? undefined
      : reading.wrong(place, `${quoted(name)} is not built in, and has no kind`, `add kind: ${OPEN_KINDS.join(', or ')}`);
  const { keys } = KINDS_OF_RULES[kind];
  for (const key of ['measure', 'raise', 'clear', 'for', 'clearFor'] as const)
    if (all[key] && !keys.includes(key)) reading.wrong(all[key], `a rule of kind ${kind} has no ${key}`, 'remove it');
  const level = (at: Place | undefined): number | undefined => at && readLevel(reading, kind, at);
  const change: RuleChange = withoutAbsent({
    kind: builtIn ? undefined : kind,
    isOn: all.enabled && reading.flag(all.enabled),
    severity: all.severity && reading.word(all.severity, SEVERITIES, 'a severity'),
    measure: all.measure && reading.word(all.measure, NUMBER_NAMES, 'a measure'),
    raise: level(all.raise),
    clear: level(all.clear),
    for: all.for && reading.duration(all.for, HOLD),
    clearFor: all.clearFor && reading.duration(all.clearFor, HOLD),
  });
  checkLevels(reading, kind, change, all.clear ?? place);
  if (!builtIn)
    for (const key of [...(kind === 'measure' ? ['measure' as const] : []), 'raise' as const])
      if (!all[key]) reading.wrong(place, `${key} is missing`, `add ${key}: to it`);
  return change;
}

function readLevel(reading: Reading, kind: AlertKind, place: Place): number | undefined {
  const { unit } = KINDS_OF_RULES[kind];
  if (unit === 'none') return undefined;
  return unit === 'seconds' ? reading.duration(place, DURATION_LEVEL) : reading.number(place, LEVEL_RANGE[unit]);
}

/** What would be raised and cleared at once. A measure may be bad above or below. */
function checkLevels(reading: Reading, kind: AlertKind, { raise, clear }: RuleValues, place: Place): void {
  if (raise === undefined || clear === undefined || kind === 'measure') return;
  const isBelow = KINDS_OF_RULES[kind].isBelow === true;
  if (isBelow ? clear >= raise : clear <= raise) return;
  const how = isBelow ? 'below' : 'above';
  reading.wrong(place, `clear is ${how} raise, so that an alert would be cleared as it is raised`, `write one that is not ${how} it`);
}
