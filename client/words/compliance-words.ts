import { COMPLIANCE, type Drift, type PolicyState } from '../../proto/http/policy-states.ts';
import { counted } from './format.ts';
import type { StateKind } from './state-kind.ts';

export type Compliance = (typeof COMPLIANCE)[number];

/** How a gateway stands to its policies: the word, how it feels, and what it means. Those that need somebody come first. */
export const STANDINGS: Record<Compliance, { kind: StateKind; word: string; means: string }> = {
  drifted: { kind: 'warn', word: 'drifted', means: 'Somebody has changed something by hand.' },
  outdated: { kind: 'partial', word: 'outdated', means: 'Policies were changed since, or never rolled out here.' },
  unknown: { kind: 'never', word: 'not known', means: 'The gateway has not told, or cannot.' },
  changing: { kind: 'verifying', word: 'changing', means: 'A change is in force that nobody has confirmed yet.' },
  compliant: { kind: 'ok', word: 'compliant', means: 'What its policies come to is in force.' },
  none: { kind: 'waiting', word: 'no policy', means: 'No policy reaches it, and none is in force.' },
};
export const STANDING_ORDER = Object.keys(STANDINGS) as Compliance[];

/** A drift's state, as it is shown. */
export const DRIFT_STATES: Record<Drift['state'], { kind: StateKind; word: string }> = {
  open: { kind: 'warn', word: 'differs' },
  over: { kind: 'ok', word: 'set again' },
  ignored: { kind: 'never', word: 'ignored' },
};

/** The headline over a fleet. */
export function complianceSentence(counts: Partial<Record<Compliance, number>>): string {
  const of = (one: Compliance) => counts[one] ?? 0;
  const all = COMPLIANCE.reduce((sum, one) => sum + of(one), 0);
  if (all === 0) return 'No gateway here';
  const parts = [
    of('drifted') > 0 && `${counted(of('drifted'), 'gateway')} drifted`,
    of('outdated') > 0 && `${of('drifted') > 0 ? of('outdated') : counted(of('outdated'), 'gateway')} outdated`,
  ].filter((part) => typeof part === 'string');
  if (parts.length > 0) return parts.join(', ');
  const under = all - of('none');
  return under > 0 && of('compliant') === under ? `${counted(under, 'gateway')} as their policies have it` : 'Nothing has drifted';
}

/** Paths that can be set again or left: those that differ now. */
export function openPaths({ drift }: Pick<PolicyState, 'drift'>): string[] {
  return drift.filter(({ state }) => state === 'open').map(({ path }) => path);
}

/** `2 values differ`, `1 value differs, 1 ignored`; empty without any drift. */
export function driftWords({ drift, driftLeft }: Pick<PolicyState, 'drift' | 'driftLeft'>): string {
  const open = drift.filter(({ state }) => state === 'open').length + driftLeft;
  const of = (wanted: Drift['state']) => drift.filter(({ state }) => state === wanted).length;
  return [
    open > 0 && `${counted(open, 'value')} ${open === 1 ? 'differs' : 'differ'}`,
    of('ignored') > 0 && `${of('ignored')} ignored`,
    of('over') > 0 && `${of('over')} set again`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** A name that no policy of its tenant has yet: the wanted one, or with the first free number. */
export function freeName(wanted: string, taken: readonly string[]): string {
  const known = new Set(taken.map((name) => name.toLowerCase()));
  let name = wanted;
  for (let number = 2; known.has(name.toLowerCase()); number++) name = `${wanted}-${number}`;
  return name;
}
