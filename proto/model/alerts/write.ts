import { stringify } from 'yaml';
import { formatDuration } from '../duration.ts';
import { API_VERSION } from '../policy/document.ts';
import { withoutAbsent } from '../without-absent.ts';
import { BUILT_IN_RULES } from './built-in.ts';
import { KINDS_OF_RULES, RULES_KIND, type RuleChange, type RulesDocument } from './rule.ts';

/** Rules as canonical YAML: the same document is always the same text. Pairs with `readRules`. */
export function writeRules({ metadata, rules }: RulesDocument): string {
  const value = {
    apiVersion: API_VERSION,
    kind: RULES_KIND,
    metadata: withoutAbsent({ name: metadata.name, tenant: metadata.tenant }),
    spec: { rules: Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, ruleValue(name, rule)])) },
  };
  return stringify(value, { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false });
}

function ruleValue(name: string, { kind, isOn, severity, measure, raise, clear, for: hold, clearFor }: RuleChange): object {
  const kindOf = kind ?? BUILT_IN_RULES.find((rule) => rule.name === name)?.kind;
  const isTime = kindOf !== undefined && KINDS_OF_RULES[kindOf].unit === 'seconds';
  const level = (value: number | undefined): number | string | undefined => (value !== undefined && isTime ? formatDuration(value) : value);
  const time = (seconds: number | undefined): string | undefined => (seconds === undefined ? undefined : formatDuration(seconds));
  return withoutAbsent({
    kind,
    enabled: isOn,
    severity,
    measure,
    raise: level(raise),
    clear: level(clear),
    for: time(hold),
    clearFor: time(clearFor),
  });
}
