import type { PolicyDocument, PolicyValues } from './document.ts';

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

/** What all policies come to on one gateway. `origins` has one for each value, by its path: `timeouts.tcp.established`, `helpers`, `rules.NAME`. */
export interface EffectivePolicy {
  values: PolicyValues;
  origins: Readonly<Record<string, Origin>>;
}
