import { z } from 'zod';
import { id, idParams, name, page, pageQuery, time } from './common.ts';
import { tag } from './fleet.ts';
import { defineRoute } from './route.ts';

export const enrolmentToken = z.object({
  id,
  tenantId: id,
  siteId: id,
  gatewayName: z.string(),
  state: z.enum(['live', 'used', 'expired', 'revoked']),
  createdAt: time,
  expiresAt: time,
  usedAt: time.optional(),
  /** The gateway that used it, or the existing one that it is for. */
  gatewayId: id.optional(),
  /** It is for a gateway that exists already. */
  isAgain: z.boolean(),
  createdBy: z.string(),
});

export const createEnrolmentToken = defineRoute({
  method: 'POST',
  path: '/enrolment-tokens',
  action: 'enrolment.write',
  summary: 'Creates a join token for one gateway; the secret is shown only here',
  body: z.strictObject({
    siteId: id,
    gatewayName: name,
    tags: z.array(tag).max(20).default([]),
    ttlMinutes: z.number().int().min(1).max(1440).default(30),
  }),
  status: 201,
  response: enrolmentToken.extend({ token: z.string(), command: z.string() }),
});
export const createReenrolmentToken = defineRoute({
  method: 'POST',
  path: '/gateways/{id}:reenrol',
  action: 'enrolment.write',
  needsProof: true,
  summary: 'Creates a join token by which an agent becomes this gateway again; it keeps its id, history and remediations',
  params: idParams,
  body: z.strictObject({ ttlMinutes: z.number().int().min(1).max(1440).default(30) }),
  status: 201,
  response: createEnrolmentToken.response,
});
export const listEnrolmentTokens = defineRoute({
  method: 'GET',
  path: '/enrolment-tokens',
  action: 'enrolment.read',
  summary: 'Join tokens',
  query: pageQuery,
  status: 200,
  response: page(enrolmentToken),
});
export const revokeEnrolmentToken = defineRoute({
  method: 'DELETE',
  path: '/enrolment-tokens/{id}',
  action: 'enrolment.write',
  summary: 'Revokes an unused token',
  params: idParams,
  status: 204,
});
