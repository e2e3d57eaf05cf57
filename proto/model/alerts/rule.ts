import type { NumberName } from '../measures.ts';
import type { AlertKind, Severity } from './kinds.ts';

export const RULES_KIND = 'AlertRules';

/** Levels in the unit of their kind, times in seconds. */
export interface RuleValues {
  measure?: NumberName;
  raise?: number;
  clear?: number;
  /** How long it must hold before it is raised, and be well again before it is cleared. */
  for?: number;
  clearFor?: number;
}

/** A rule as it holds somewhere. */
export interface Rule {
  name: string;
  kind: AlertKind;
  isOn: boolean;
  severity: Severity;
  values: RuleValues;
}

/** What a document says of one rule: of a built-in one only what differs. */
export interface RuleChange extends RuleValues {
  kind?: AlertKind;
  isOn?: boolean;
  severity?: Severity;
}

/** A document of rules. */
export interface RulesDocument {
  metadata: { name: string; tenant?: string };
  rules: Readonly<Record<string, RuleChange>>;
}

/** In which unit the levels of a kind are; `none`: it has no levels. */
type LevelUnit = 'percent' | 'seconds' | 'flows' | 'measure' | 'none';

interface KindOfRule {
  unit: LevelUnit;
  /** What a document may say of it, beside `enabled` and `severity`. */
  keys: readonly (keyof RuleValues)[];
  /** Whether operators may add rules of this kind. */
  isOpen: boolean;
  /** Bad is below `raise`, not above it. A measure says so by its levels. */
  isBelow?: boolean;
}

const LEVELS = ['raise', 'clear', 'for', 'clearFor'] as const;
const ALONE: KindOfRule = { unit: 'none', keys: [], isOpen: false };

/** What each kind can be told. */
export const KINDS_OF_RULES: Readonly<Record<AlertKind, KindOfRule>> = {
  usage: { unit: 'percent', keys: LEVELS, isOpen: true },
  'time-to-full': { unit: 'seconds', keys: LEVELS, isOpen: true, isBelow: true },
  losses: { unit: 'none', keys: ['clearFor'], isOpen: false },
  measure: { unit: 'measure', keys: ['measure', ...LEVELS], isOpen: true },
  'wan-event': { unit: 'flows', keys: ['raise'], isOpen: false },
  'wan-flapping': ALONE,
  silent: { unit: 'seconds', keys: ['raise'], isOpen: false },
  'remediation-failed': ALONE,
  'remediation-held-back': ALONE,
  certificate: ALONE,
  guard: ALONE,
  'audit-chain': ALONE,
  drift: { unit: 'none', keys: ['for'], isOpen: false },
};

/** Bad is below the level at which it is raised. */
export function isBelow({ kind, values }: Pick<Rule, 'kind' | 'values'>): boolean {
  return (
    KINDS_OF_RULES[kind].isBelow === true ||
    (kind === 'measure' && values.raise !== undefined && values.clear !== undefined && values.raise < values.clear)
  );
}
