import { z } from 'zod';
import { count32, id, time } from './common.ts';
import { defineRoute } from './route.ts';

/** Gateways of an answer that are named; all of them are counted. */
export const MAX_NAMED = 500;
const MAX_LEFT = 5000;

export const authorityPhase = z.enum(['steady', 'prepared', 'switched']);
export const authorityStep = z.enum(['prepare', 'switch', 'retire', 'back']);

const root = z.object({
  id,
  /** `adopted` from a version that had one without intermediates, `made` here, or the `company`’s own. */
  source: z.enum(['adopted', 'made', 'company']),
  subject: z.string(),
  /** SHA-256 of the certificate. */
  fingerprint: z.string(),
  certificate: z.string(),
  endsAt: time,
  /** `signing`: it has no intermediate and signs gateways itself; `here`: encrypted in the database; `removed`: after an export. */
  key: z.enum(['signing', 'here', 'removed', 'elsewhere']),
  exportedAt: time.optional(),
  /** Join tokens that are made now pin it. */
  isPinned: z.boolean(),
});
const issuer = z.object({
  id,
  rootId: id,
  subject: z.string(),
  fingerprint: z.string(),
  createdAt: time,
  endsAt: time,
  role: z.enum(['current', 'next', 'retired']),
  isSigning: z.boolean(),
  /** Gateways, not counting revoked ones, that last used a certificate of it. */
  gateways: count32,
});
/** The end of a certificate that the whole fleet depends on. */
const end = z.object({
  /** `controller`: what the listeners of one controller present; it renews itself, and never outlives its issuer. */
  kind: z.enum(['root', 'intermediate', 'controller']),
  /** The subject, or host and port of the controller. */
  name: z.string(),
  endsAt: time,
  /** An intermediate of which the root’s key is here is replaced by itself, and a controller’s certificate is. */
  isReplacedByItself: z.boolean(),
  /** Present where the end is near and somebody is needed: what is to be done. */
  remedy: z.string().optional(),
});

export const authority = z.object({
  phase: authorityPhase,
  since: time,
  /** What the phase allows. */
  steps: z.array(authorityStep),
  /** Those of trusted issuers. */
  roots: z.array(root),
  /** The newest of those that are retired are listed too. */
  issuers: z.array(issuer),
  /** Gateways that could not come back after the step that gives an issuer up, if it were taken now. */
  stranded: z
    .object({ step: authorityStep, total: count32, gateways: z.array(z.object({ id, tenantId: id, name: z.string() })) })
    .optional(),
  /** Unused join tokens. They pin the current root, and are worth nothing once that is retired. */
  waitingTokens: count32,
  /** Those of trusted certificates and of controllers, the nearest first. */
  ends: z.array(end),
});
export type AuthorityView = z.output<typeof authority>;

const step = {
  method: 'POST',
  action: 'authority.write',
  isForPeople: true,
  needsProof: true,
  status: 200,
  response: authority,
} as const;
const leaving = z.strictObject({
  /** Ids of gateways that must be enrolled again afterwards: exactly those that would be stranded may be given up, by name. */
  without: z.array(id).max(MAX_LEFT).default([]),
});

export const getAuthority = defineRoute({
  method: 'GET',
  path: '/authority',
  action: 'authority.read',
  summary: 'Who signs the gateways’ certificates, until when, and where a rotation stands; for roles over all tenants',
  status: 200,
  response: authority,
});
export const prepareAuthority = defineRoute({
  ...step,
  path: '/authority:prepare',
  summary: 'Makes a new root with an intermediate, or an intermediate of the same root, and has it trusted beside the current one',
  body: z.strictObject({ kind: z.enum(['root', 'intermediate']).default('root') }),
});
export const switchAuthority = defineRoute({
  ...step,
  path: '/authority:switch',
  summary: 'Has the next authority sign; gateways renew within minutes, and both are trusted',
  body: z.strictObject({}),
});
export const retireAuthority = defineRoute({
  ...step,
  path: '/authority:retire',
  summary: 'Ends trust in the old authority, once no gateway is on it or those that are have been named',
  body: leaving,
});
export const backAuthority = defineRoute({
  ...step,
  path: '/authority:back',
  summary: 'Takes back the last step before retire; giving the next authority up wants that no gateway is on it',
  body: leaving,
});
