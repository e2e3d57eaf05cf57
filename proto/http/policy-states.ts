import { z } from 'zod';
import { id, idParams, page, pageQuery, time } from './common.ts';
import { defineRoute } from './route.ts';

/**
 * How a gateway stands to the policies that reach it.
 *
 *   compliant    what all policies come to is in force, and nothing differs from it
 *   outdated     policies were changed since, or never rolled out here
 *   drifted      it is in force, and somebody has changed something by hand
 *   changing     a change is in force that nobody has confirmed yet
 *   none         no policy reaches it, and none is in force
 *   unknown      it has not told, or cannot; `reason` says why
 */
export const COMPLIANCE = ['compliant', 'outdated', 'drifted', 'changing', 'none', 'unknown'] as const;

const driftState = z.enum([
  'open',
  /** Set again by somebody or by itself since; kept for a day, so that it is not lost who changed what at night. */
  'over',
  'ignored',
]);

/** A value that is not as the policy in force has it. */
export const drift = z.object({
  /** `timeouts.tcp.established`, `helpers`, `rules.NAME`, `table`. */
  path: z.string(),
  /** As documents have it; absent: not there. */
  wanted: z.string().optional(),
  actual: z.string().optional(),
  since: time,
  /** Who changed it, where that can be known: `nft (pid 4711)`. */
  process: z.string().optional(),
  state: driftState,
});
export type Drift = z.infer<typeof drift>;

export const policyState = z.object({
  gatewayId: id,
  gatewayName: z.string(),
  tenantId: id,
  tenantName: z.string(),
  siteId: id,
  siteName: z.string(),
  compliance: z.enum(COMPLIANCE),
  /** A sentence, for everything but `compliant` and `none`. */
  reason: z.string().optional(),
  inForce: z.object({ policy: z.string(), since: time, rolloutId: id.optional() }).optional(),
  /** A change that is put back unless it is confirmed. */
  pending: z.object({ policy: z.string(), until: time, rolloutId: id.optional() }).optional(),
  drift: z.array(drift),
  /** Beyond what a gateway tells. */
  driftLeft: z.number().int(),
  reportedAt: time.optional(),
});
export type PolicyState = z.infer<typeof policyState>;

export const listPolicyStates = defineRoute({
  method: 'GET',
  path: '/policy-states',
  action: 'policies.read',
  summary: 'How every gateway stands to its policies: compliant, outdated, drifted; those that need somebody first',
  query: pageQuery.extend({
    tenant: id.optional(),
    site: id.optional(),
    gateway: id.optional(),
    policy: id.optional(),
    compliance: policyState.shape.compliance.optional(),
  }),
  status: 200,
  response: page(policyState).extend({
    /** Of all that the query matches without `compliance`. */
    counts: z.record(z.enum(COMPLIANCE), z.number().int()),
  }),
});
export const resolveDrift = defineRoute({
  method: 'POST',
  path: '/gateways/{id}/policy:resolve-drift',
  action: 'policies.apply',
  summary: 'Sets values again as the policy in force has them, or leaves them as they are and says no more of it until they change again',
  params: idParams,
  body: z.strictObject({ paths: z.array(z.string().min(1).max(200)).min(1).max(200), way: z.enum(['restore', 'ignore']) }),
  status: 202,
  response: policyState,
});
export const adoptPolicy = defineRoute({
  method: 'GET',
  path: '/gateways/{id}/policy:adopt',
  action: 'policies.read',
  summary: 'What a gateway is set to now, as a document that can be saved as a policy; nothing is saved',
  params: idParams,
  status: 200,
  response: z.object({
    /** Canonical YAML. */
    document: z.string(),
    readAt: time,
    /** What the gateway has that a policy cannot say, or that was left out for a reason. */
    notes: z.array(z.string()),
    /** The paths that differ from the policy in force here, if there is one. */
    drifted: z.array(z.string()),
  }),
});
