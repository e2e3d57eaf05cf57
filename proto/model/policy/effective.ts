import type { PolicyDocument, PolicyRule, PolicyValues } from './document.ts';
import { PROFILES } from './profiles.ts';
import { timeoutEntries } from './settings.ts';

/** Where a policy can be attached, from the widest to the narrowest: later ones prevail. */
export const LEVELS = ['fleet', 'tenant', 'tag', 'site', 'gateway'] as const;
export type Level = (typeof LEVELS)[number];

/** A policy as it is attached somewhere above a gateway, or to it. */
export interface PolicyLayer {
  policyId: string;
  level: Level;
  /** The tenant, tag, site or gateway, by name; absent for the fleet. */
  of?: string;
  document: PolicyDocument;
}

/** Which policy a value is from. */
export interface Origin {
  policyId: string;
  /** The policy's name. */
  policy: string;
  level: Level;
  of?: string;
  /** By the policy's profile, not written in it. */
  isByProfile?: boolean;
}

/**
 * What all policies come to on one gateway. `origins` has one for each value, by its path: `timeouts.tcp.established`, `helpers`,
 * `rules.NAME`.
 */
export interface EffectivePolicy {
  values: PolicyValues;
  origins: Readonly<Record<string, Origin>>;
}

/**
 * Merges policies, whatever their order. A value of a narrower level replaces that of a wider one; on one level, of the policy whose name
 * comes later in the alphabet, then whose tag and id do. A profile counts as if its values were written in its policy, before those that
 * are. Rules are merged by name, and those of narrower levels come first, since the first that matches decides.
 */
export function effectivePolicy(layers: readonly PolicyLayer[]): EffectivePolicy {
  const origins = new Map<string, Origin>();
  const values: PolicyValues = { table: {}, timeouts: {}, rules: [] };
  for (const layer of layers.toSorted(byPrecedence)) {
    const { profile, table, timeouts, rules, helpers, accounting, timestamps, events, drift } = layer.document.spec;
    const origin = originOf(layer);
    const isFrom = (path: string, from = origin): void => void origins.set(path, from);
    for (const [key, seconds] of timeoutEntries(profile ? PROFILES[profile] : {})) {
      values.timeouts[key] = seconds;
      isFrom(`timeouts.${key}`, { ...origin, isByProfile: true });
    }
    for (const [key, seconds] of timeoutEntries(timeouts)) {
      values.timeouts[key] = seconds;
      isFrom(`timeouts.${key}`);
    }
    for (const key of ['max', 'buckets'] as const) {
      if (table[key] === undefined) continue;
      values.table[key] = table[key];
      isFrom(`table.${key}`);
    }
    for (const [key, value] of Object.entries({ helpers, accounting, timestamps, events, drift })) {
      if (value === undefined) continue;
      Object.assign(values, { [key]: value });
      isFrom(key);
    }
    for (const { name } of rules) isFrom(rulePath(name));
    values.rules = withoutNames(rules, values.rules);
  }
  return { values, origins: Object.fromEntries(origins) };
}

/** The path of a rule among origins and changes. */
export function rulePath(name: string): string {
  return `rules.${name}`;
}

/** The rules of a narrower level, and then the others that they do not replace. */
function withoutNames(narrower: readonly PolicyRule[], wider: readonly PolicyRule[]): PolicyRule[] {
  const names = new Set(narrower.map(({ name }) => name));
  return [...narrower, ...wider.filter(({ name }) => !names.has(name))];
}

function originOf({ policyId, level, of, document }: PolicyLayer): Origin {
  return { policyId, policy: document.metadata.name, level, ...(of !== undefined && { of }) };
}

function byPrecedence(a: PolicyLayer, b: PolicyLayer): number {
  return (
    LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) ||
    inAlphabet(a.document.metadata.name, b.document.metadata.name) ||
    inAlphabet(a.of ?? '', b.of ?? '') ||
    inAlphabet(a.policyId, b.policyId)
  );
}

function inAlphabet(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
