import { z } from 'zod';
import { count32, idParams } from './common.ts';
import { defineRoute } from './route.ts';

/** Thresholds above which a plan needs a second person. Null: not by that criterion. */
export const limits = z.strictObject({
  /** More flows than this. */
  flows: count32.nullable(),
  /** More of one gateway's table than this many per cent, and more than 1,000 flows: a large share of a small table is still few. */
  percentOfTable: z.number().int().min(0).max(100).nullable(),
  /** Plans of `all`. */
  isEverything: z.boolean(),
  /** Plans that touch several tenants. */
  areSeveralTenants: z.boolean(),
  /** The second person signs with a passkey; being signed in is not enough. */
  approvalsBySignature: z.boolean(),
});
export type Limits = z.infer<typeof limits>;

export const getLimits = defineRoute({
  method: 'GET',
  path: '/tenants/{id}/limits',
  action: 'limits.read',
  summary: 'When a plan of this tenant needs a second person',
  params: idParams,
  status: 200,
  response: limits,
});
export const updateLimits = defineRoute({
  method: 'PATCH',
  path: '/tenants/{id}/limits',
  action: 'limits.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Changes that; if one person works alone, null and false mean never',
  params: idParams,
  body: limits.partial(),
  status: 200,
  response: limits,
});
