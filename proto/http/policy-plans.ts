import { z } from 'zod';
import { EFFECT_KINDS } from '../model/policy/effects.ts';
import { id, idParams, time } from './common.ts';
import { policyDifference, policyWarning } from './effective-policy.ts';
import { flow } from './flows.ts';
import { defineRoute } from './route.ts';
import { documentText, policyTarget } from './saved-policies.ts';
import { scope } from './scope.ts';

/** Of one plan; more are planned part by part. */
export const MAX_PLANNED_GATEWAYS = 200;
export const MAX_PLAN_BYTES = 8 * 1024 * 1024;

/** `stopped` has exactly these flows; `flowsLeft` more were counted and not sent. */
const policyEffects = z.object({
  effects: z.array(z.object({ kind: z.enum(EFFECT_KINDS), path: z.string(), flows: z.number().int(), why: z.string() })),
  tableCount: z.number().int(),
  stopped: z.array(flow),
  flowsLeft: z.number().int(),
  /** Why flows could not be looked at. */
  unknown: z.string().optional(),
});
export type PolicyEffectsView = z.infer<typeof policyEffects>;

/** What a gateway would be set to, against what it says that it is set to now. */
const plannedGateway = z.object({
  gatewayId: id,
  gatewayName: z.string(),
  tenantId: id,
  tenantName: z.string(),
  /** `failed`: it answered that it cannot, or its agent is too old. */
  state: z.enum(['answered', 'slow', 'offline', 'failed']),
  reason: z.string().optional(),
  readAt: time.optional(),
  difference: policyDifference.optional(),
  /** It is held to exactly these values already; absent where it has not said to which it is. */
  isInForce: z.boolean().optional(),
  /** What it would do to flows that are there now; absent where the gateway cannot tell. */
  effects: policyEffects.optional(),
  warnings: z.array(policyWarning),
});
export type PlannedGateway = z.infer<typeof plannedGateway>;

export const policyPlan = z.object({
  /** Over the policy and what every gateway would change, in canonical JSON; the times of reading are not part of it. */
  digest: z.string(),
  plannedAt: time,
  /** Nothing is: a plan only says what would be. */
  isApplied: z.literal(false),
  /** Those of the scope that the policy reaches, as it is saved or as it would be. */
  gateways: z.array(plannedGateway),
  /** Gateways of the scope that it does not reach. */
  unreached: z.number().int(),
});
export type PolicyPlan = z.infer<typeof policyPlan>;

export const planPolicy = defineRoute({
  method: 'POST',
  path: '/policies/{id}:plan',
  action: 'policies.read',
  isSafe: true,
  summary:
    'What a policy would change on each gateway of a scope, as it is saved or with another document or target; nothing is applied or saved',
  params: idParams,
  body: z.strictObject({ scope: scope.default({}), document: documentText.optional(), target: policyTarget.optional() }),
  status: 200,
  response: policyPlan,
});
export const planNewPolicy = defineRoute({
  method: 'POST',
  path: '/policies:plan',
  action: 'policies.read',
  isSafe: true,
  summary: 'What a policy that is not saved yet would change on each gateway of a scope; nothing is applied or saved',
  body: z.strictObject({ scope: scope.default({}), tenantId: id.optional(), document: documentText, target: policyTarget }),
  status: 200,
  response: policyPlan,
});
