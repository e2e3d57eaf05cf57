import { z } from 'zod';
import { ACTIONS } from '../model/access.ts';
import { action, lifeInDays, role } from './access.ts';
import { forPeople, id, idParams, name, page, pageQuery, shownName, time } from './common.ts';
import { defineRoute } from './route.ts';

/** Of one tenant, and of those over all tenants. */
export const MAX_SERVICE_ACCOUNTS = 100;
/** How long the earlier secret goes on after a rotation. */
export const DEFAULT_OVERLAP_HOURS = 24;
export const MAX_OVERLAP_HOURS = 30 * 24;

const fields = {
  name,
  /** What it is for, so that somebody else can tell later whether it still is. */
  purpose: forPeople(z.string().trim().min(1).max(500)),
  role,
  /** Only these of what the role allows. `me.read` is always allowed. */
  actions: z.array(action).min(1).max(Object.keys(ACTIONS).length),
  expiresInDays: lifeInDays,
};

export const serviceAccount = z.object({
  id,
  name: shownName,
  purpose: z.string(),
  role,
  tenantId: id.nullable(),
  /** Absent: all that the role allows. */
  actions: z.array(action).optional(),
  state: z.enum(['active', 'suspended', 'expired']),
  createdAt: time,
  createdBy: z.string(),
  expiresAt: time,
  /** To the minute. */
  lastUsedAt: time.optional(),
  /** Those that are valid, newest first: the current one, and after a rotation the earlier one until it ends. */
  secrets: z.array(z.object({ createdAt: time, shownTo: z.string(), endsAt: time.optional(), lastUsedAt: time.optional() })),
});
const withSecret = serviceAccount.extend({ secret: z.string() });

export const listServiceAccounts = defineRoute({
  method: 'GET',
  path: '/service-accounts',
  action: 'people.read',
  summary: 'The accounts of programs in the caller’s tenants; those over all tenants only for roles over all tenants',
  query: pageQuery,
  status: 200,
  response: page(serviceAccount),
});
export const createServiceAccount = defineRoute({
  method: 'POST',
  path: '/service-accounts',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Adds an account of a program, which belongs to no person; its secret is shown only here',
  body: z.strictObject({
    ...fields,
    tenantId: id.nullable(),
    actions: fields.actions.optional(),
    expiresInDays: lifeInDays.default(365),
  }),
  status: 201,
  response: withSecret,
});
export const updateServiceAccount = defineRoute({
  method: 'PATCH',
  path: '/service-accounts/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Changes an account’s name, purpose, rights (`actions: null`: all of the role) or end, counted from now; effective at once',
  params: idParams,
  // Another tenant is another account: its trail is another.
  body: z.strictObject({ ...fields, actions: fields.actions.nullable() }).partial(),
  status: 200,
  response: serviceAccount,
});
export const rotateServiceAccount = defineRoute({
  method: 'POST',
  path: '/service-accounts/{id}:rotate',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Makes a new secret, shown only here; the one before ends by itself after the overlap, or at once without one',
  params: idParams,
  body: z.strictObject({ overlapHours: z.number().int().min(0).max(MAX_OVERLAP_HOURS).default(DEFAULT_OVERLAP_HOURS) }),
  status: 201,
  response: withSecret,
});
export const endEarlierSecret = defineRoute({
  method: 'DELETE',
  path: '/service-accounts/{id}/earlier-secret',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Ends the secret from before the rotation at once, before its overlap ends',
  params: idParams,
  status: 200,
  response: serviceAccount,
});
export const suspendServiceAccount = defineRoute({
  method: 'POST',
  path: '/service-accounts/{id}:suspend',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Refuses all calls of an account until resumed; its open streams end within five seconds',
  params: idParams,
  status: 200,
  response: serviceAccount,
});
export const resumeServiceAccount = defineRoute({
  method: 'POST',
  path: '/service-accounts/{id}:resume',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Admits a suspended account again, with the same secrets',
  params: idParams,
  status: 200,
  response: serviceAccount,
});
export const removeServiceAccount = defineRoute({
  method: 'DELETE',
  path: '/service-accounts/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Removes an account for good; what it did stays in the audit trail',
  params: idParams,
  status: 204,
});
