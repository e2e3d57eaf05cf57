import { z } from 'zod';
import { formatPrefix, parsePrefix } from '../model/address.ts';
import { namePatternProblem } from '../model/name-pattern.ts';
import { id, idParams, name, page, pageQuery, shownName, time } from './common.ts';
import { tag } from './fleet.ts';
import { defineRoute } from './route.ts';

/** Gateways of one token. */
export const MAX_GATEWAYS = 1000;
const MAX_SOURCES = 50;
const MAX_TTL_MINUTES = 30 * 1440;

export const rollout = z.object({
  id,
  tenantId: id,
  /** Absent if each agent names its site (CTFLEET_SITE). */
  siteId: id.optional(),
  siteName: shownName.optional(),
  /** A site that an agent names and that does not exist is added. */
  makesSites: z.boolean(),
  namePattern: z.string(),
  tags: z.array(z.string()),
  maxGateways: z.number().int(),
  /** Gateways that joined. */
  used: z.number().int(),
  /** Those that await approval. */
  waiting: z.number().int(),
  /** Prefixes from which agents may connect; none means any. */
  sources: z.array(z.string()),
  needsApproval: z.boolean(),
  state: z.enum(['live', 'used', 'expired', 'revoked']),
  createdAt: time,
  expiresAt: time,
  createdBy: z.string(),
});
export type Rollout = z.output<typeof rollout>;

/**
 * `waiting`: nobody has decided yet. `approved`: its agent gets the certificate when it asks again. `lapsed`: its agent stopped asking, or
 * the token ended before a decision.
 */
export const enrolmentState = z.enum(['waiting', 'approved', 'refused', 'enrolled', 'lapsed']);
export const enrolment = z.object({
  id,
  rolloutId: id,
  tenantId: id,
  state: enrolmentState,
  gatewayName: shownName,
  siteName: shownName,
  hostname: z.string(),
  /** Where its agent connected from. */
  address: z.string(),
  /** Of its key; its agent logs the same text. */
  fingerprint: z.string(),
  askedAt: time,
  lastAskedAt: time,
  decidedAt: time.optional(),
  decidedBy: z.string().optional(),
  enrolledAt: time.optional(),
  gatewayId: id.optional(),
});
export type Enrolment = z.output<typeof enrolment>;

const source = z
  .string()
  .max(50)
  .refine((text) => parsePrefix(text) !== undefined, 'must be a prefix such as 198.51.100.0/24, or an address')
  .transform((text) => formatPrefix(parsePrefix(text)!));

export const createRollout = defineRoute({
  method: 'POST',
  path: '/rollouts',
  action: 'enrolment.write',
  summary: 'Creates one join token for many gateways; the secret is shown only here',
  body: z
    .strictObject({
      tenantId: id,
      siteId: id.optional(),
      makesSites: z.boolean().default(false),
      /** Of sites that are added. */
      timeZone: z.string().max(100).default('UTC'),
      /** Text with {hostname}, {site} and {n}, the lowest number whose name is free. */
      namePattern: name,
      tags: z.array(tag).max(20).default([]),
      maxGateways: z.number().int().min(1).max(MAX_GATEWAYS),
      sources: z.array(source).max(MAX_SOURCES).default([]),
      needsApproval: z.boolean().default(false),
      ttlMinutes: z.number().int().min(1).max(MAX_TTL_MINUTES).default(1440),
    })
    .superRefine(({ namePattern, maxGateways, siteId, makesSites }, context) => {
      const problem = namePatternProblem(namePattern, { isMany: maxGateways > 1, hasSite: siteId !== undefined });
      if (problem !== undefined) context.addIssue({ code: 'custom', path: ['namePattern'], message: problem });
      if (makesSites && siteId !== undefined)
        context.addIssue({ code: 'custom', path: ['makesSites'], message: 'is for a token without a site' });
    }),
  status: 201,
  response: rollout.extend({ token: z.string(), command: z.string() }),
});
export const listRollouts = defineRoute({
  method: 'GET',
  path: '/rollouts',
  action: 'enrolment.read',
  summary: 'Join tokens for many gateways, and how far each roll-out is; newest first',
  query: pageQuery,
  status: 200,
  response: page(rollout),
});
export const getRollout = defineRoute({
  method: 'GET',
  path: '/rollouts/{id}',
  action: 'enrolment.read',
  summary: 'One roll-out',
  params: idParams,
  status: 200,
  response: rollout,
});
export const revokeRollout = defineRoute({
  method: 'DELETE',
  path: '/rollouts/{id}',
  action: 'enrolment.write',
  summary: 'Revokes the token of a roll-out; gateways that joined stay, those that await approval are refused',
  params: idParams,
  status: 204,
});
export const listEnrolments = defineRoute({
  method: 'GET',
  path: '/rollouts/{id}/enrolments',
  action: 'enrolment.read',
  summary: 'The gateways that asked with the token of a roll-out; newest first',
  params: idParams,
  query: pageQuery.extend({ state: enrolmentState.exclude(['lapsed']).optional() }),
  status: 200,
  response: page(enrolment),
});
export const approveEnrolment = defineRoute({
  method: 'POST',
  path: '/enrolments/{id}:approve',
  action: 'enrolment.write',
  isForPeople: true,
  summary: 'Lets a gateway join whose key has the fingerprint that its agent shows; it does when its agent asks again',
  params: idParams,
  body: z.strictObject({ fingerprint: z.string().max(50) }),
  status: 200,
  response: enrolment,
});
export const refuseEnrolment = defineRoute({
  method: 'POST',
  path: '/enrolments/{id}:refuse',
  action: 'enrolment.write',
  isForPeople: true,
  summary: 'Refuses a gateway that awaits approval, or was approved and has not joined yet',
  params: idParams,
  status: 200,
  response: enrolment,
});
