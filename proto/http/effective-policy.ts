import { z } from 'zod';
import { LEVELS } from '../model/policy/effective.ts';
import { SEVERITIES, WARNING_CODES } from '../model/policy/warnings/warning.ts';
import { id } from './common.ts';
import { policyRule } from './policy-rule.ts';

/**
 * Which policy a value is from. Whoever sees only some tenants is told of a policy of the installation that it is one, and at which level
 * it holds, and neither its name nor its id.
 */
export const policyOrigin = z.object({
  level: z.enum(LEVELS),
  /** The tenant, tag, site or gateway, by name. */
  of: z.string().optional(),
  isOfInstallation: z.boolean(),
  policyId: id.optional(),
  policy: z.string().optional(),
  /** By the policy's profile, not written in it. */
  isByProfile: z.literal(true).optional(),
});
export type PolicyOrigin = z.infer<typeof policyOrigin>;

/** What all policies come to on a gateway. */
export const effectivePolicy = z.object({
  values: z.array(
    z.object({
      /** Such as `timeouts.tcp.established`, `helpers`, `rules.NAME`. */
      path: z.string(),
      /** As a document has it: `1h`, `ftp, sip`; of a rule, in YAML. */
      text: z.string(),
      rule: policyRule.optional(),
      origin: policyOrigin,
    }),
  ),
  /** The policies that reach the gateway, those that prevail last. */
  policies: z.array(policyOrigin),
});
export type EffectivePolicyView = z.infer<typeof effectivePolicy>;

const verdict = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('set') }),
  z.object({ kind: z.literal('unchanged') }),
  z.object({ kind: z.literal('refused'), reason: z.string() }),
]);
/** `origin` is absent for what no policy has: a rule or helper that would go. */
const common = { path: z.string(), verdict, origin: policyOrigin.optional() };
const policyChange = z.discriminatedUnion('on', [
  /** A number below /proc/sys/net/netfilter; without `from` this kernel does not have it. */
  z.object({ on: z.literal('setting'), ...common, setting: z.string(), from: z.number().int().optional(), to: z.number().int() }),
  z.object({ on: z.literal('helper'), ...common, helper: z.string(), from: z.boolean(), to: z.boolean() }),
  z.object({ on: z.literal('rule'), ...common, rule: z.string(), from: policyRule.optional(), to: policyRule.optional() }),
]);
export type PolicyChangeView = z.infer<typeof policyChange>;

/** What is wanted against what is there. */
export const policyDifference = z.object({
  /** Without the values that are there already. */
  changes: z.array(policyChange),
  /** Values that are there already. */
  unchanged: z.number().int(),
  isReordered: z.boolean(),
  /** What was found in our table that is not by us; it goes when the table is replaced. */
  strange: z.array(z.string()),
});
export type PolicyDifferenceView = z.infer<typeof policyDifference>;

/** What a good engineer would say before it is applied; it forbids nothing. */
export const policyWarning = z.object({
  code: z.enum(WARNING_CODES),
  severity: z.enum(SEVERITIES),
  path: z.string(),
  message: z.string(),
  reason: z.string(),
});
export type PolicyWarningView = z.infer<typeof policyWarning>;
