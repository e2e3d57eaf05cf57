import { z } from 'zod';
import { forPeople, id, idParams, page, pageQuery, time } from './common.ts';
import { approval } from './plans.ts';
import { policyDifference } from './effective-policy.ts';
import { defineRoute } from './route.ts';
import { scope } from './scope.ts';

/** How long a gateway keeps a policy that nobody has confirmed, in seconds. */
export const WITHIN_SECONDS = { from: 30, to: 3600, usual: 120 };

/**
 * `waiting`, `offline`: not begun. `applying`: its agent was told. `confirming`: in force, and put back unless the gateway is heard over a
 * new session. Then `confirmed`, or `restored`: as it was before. `refused`, `expired`, `cancelled`, `skipped`: nothing was changed.
 */
export const rolloutTargetState = z.enum([
  'waiting',
  'offline',
  'applying',
  'confirming',
  'confirmed',
  'restored',
  'refused',
  'failed',
  'expired',
  'cancelled',
  'skipped',
  'indeterminate',
]);
export type RolloutTargetState = z.infer<typeof rolloutTargetState>;

export const rolloutTarget = z.object({
  gatewayId: id,
  gatewayName: z.string(),
  tenantId: id,
  state: rolloutTargetState,
  /** Why; of `confirmed`, what became of flows that do not meet a stricter mode. */
  reason: z.string().optional(),
  /** 0: it was left out when it was planned, and is in none. */
  wave: z.number().int(),
  /** Values that change here. */
  changes: z.number().int(),
  startedAt: time.optional(),
  /** While `confirming`: when it is put back by itself. */
  until: time.optional(),
  finishedAt: time.optional(),
});
export type RolloutTarget = z.infer<typeof rolloutTarget>;

export const policyRollout = z.object({
  id,
  /** The same id; `plans/{id}:approve` and `:options` take it. */
  planId: id,
  /** `undo` takes back what another one put in force. */
  kind: z.enum(['apply', 'undo']),
  /** Absent once it is deleted. */
  policyId: id.optional(),
  policyName: z.string(),
  policyRevision: z.number().int(),
  /** `awaiting-approval`: nothing happens before a second person has approved it. `stopped`: a rule held the later waves back. */
  state: z.enum(['awaiting-approval', 'running', 'confirmed', 'partial', 'failed', 'cancelled', 'stopped', 'expired']),
  stopReason: z.string().optional(),
  digest: z.string(),
  reason: z.string(),
  ticket: z.string().optional(),
  withinSeconds: z.number().int(),
  createdBy: z.string(),
  createdAt: time,
  /** Why a second person is needed, while one is. */
  needsApproval: z.string().optional(),
  /** Only a signature with a passkey approves it. */
  needsSignature: z.boolean(),
  approval: approval.optional(),
  startedAt: time.optional(),
  finishedAt: time.optional(),
  /** A gateway that has not begun by then does nothing. */
  notAfter: time,
  tenants: z.array(z.object({ id, name: z.string() })),
  /** 0: it has not begun. */
  wave: z.number().int(),
  waves: z.number().int(),
  /** Gateways by state; states of none are left out. */
  totals: z.partialRecord(rolloutTargetState, z.number().int()),
  targets: z.array(rolloutTarget),
  /** It can be undone: it has finished, and at least one gateway keeps what it put in force. */
  isUndoable: z.boolean(),
  undoneBy: id.optional(),
});
export type PolicyRollout = z.infer<typeof policyRollout>;

export const policyRolloutEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rollout'), rollout: policyRollout }),
  z.object({
    kind: z.literal('target'),
    rolloutId: id,
    target: rolloutTarget,
    totals: policyRollout.shape.totals,
    state: policyRollout.shape.state,
    wave: z.number().int(),
  }),
]);

export const applyPolicy = defineRoute({
  method: 'POST',
  path: '/policies/{id}:apply',
  action: 'policies.apply',
  needsProof: true,
  summary:
    'Rolls a saved policy out as it was planned: in waves, each gateway puts it back by itself unless it is heard over a new session. The digest proves that it is the plan that was seen',
  params: idParams,
  body: z.strictObject({
    scope: scope.default({}),
    /** Of `policies/{id}:plan` with the same scope, without another document or target. */
    digest: z.string().max(200),
    reason: forPeople(z.string().trim().min(1).max(500), { hasLines: true }),
    ticket: z
      .literal('')
      .or(forPeople(z.string().trim().max(100)))
      .optional(),
    withinSeconds: z.number().int().min(WITHIN_SECONDS.from).max(WITHIN_SECONDS.to).default(WITHIN_SECONDS.usual),
    /** False: all gateways at once, except partners of one another. */
    waves: z.boolean().default(true),
  }),
  status: 202,
  response: z.object({ rolloutId: id }),
});
export const listPolicyRollouts = defineRoute({
  method: 'GET',
  path: '/policy-rollouts',
  action: 'policies.read',
  summary: 'Roll-outs of policies, newest first',
  query: pageQuery.extend({
    policy: id.optional(),
    tenant: id.optional(),
    gateway: id.optional(),
    state: policyRollout.shape.state.optional(),
  }),
  status: 200,
  response: page(policyRollout.omit({ targets: true })),
});
export const getPolicyRollout = defineRoute({
  method: 'GET',
  path: '/policy-rollouts/{id}',
  action: 'policies.read',
  summary: 'One roll-out with a target per gateway',
  params: idParams,
  status: 200,
  response: policyRollout,
});
export const watchPolicyRollout = defineRoute({
  method: 'GET',
  path: '/policy-rollouts/{id}/events',
  action: 'policies.read',
  summary: 'Live progress: first the whole roll-out, then each change of a target',
  params: idParams,
  status: 200,
  response: policyRolloutEvent,
  isStream: true,
});
export const getRolloutDifference = defineRoute({
  method: 'GET',
  path: '/policy-rollouts/{id}/gateways/{gatewayId}',
  action: 'policies.read',
  summary: 'What a roll-out changes on one gateway, as it was planned',
  params: z.object({ id, gatewayId: id }),
  status: 200,
  response: z.object({ gatewayId: id, difference: policyDifference }),
});
export const cancelPolicyRollout = defineRoute({
  method: 'POST',
  path: '/policy-rollouts/{id}:cancel',
  action: 'policies.apply',
  summary: 'Cancels what has not begun, and has gateways put back what nobody has confirmed; what is confirmed stays',
  params: idParams,
  status: 200,
  response: policyRollout,
});
export const undoPolicyRollout = defineRoute({
  method: 'POST',
  path: '/policy-rollouts/{id}:undo',
  action: 'policies.apply',
  summary: 'Takes back what a roll-out put in force where it still is, once; a roll-out of its own, in the same waves',
  params: idParams,
  status: 202,
  response: z.object({ rolloutId: id }),
});
