import { z } from 'zod';
import { ACTIONS, ROLES, type Action } from '../model/access.ts';
import { id, idParams, name, page, pageQuery, shownName, time } from './common.ts';
import { defineRoute } from './route.ts';

export const role = z.enum(ROLES);
export const grant = z.object({ role, tenantId: id.nullable() });
export const action = z.enum(Object.keys(ACTIONS) as [Action, ...Action[]]);
/** From now on; a year at most. */
export const lifeInDays = z.number().int().min(1).max(366);

export const me = z.object({
  kind: z.enum(['user', 'token', 'service-account']),
  id: z.string(),
  name: z.string(),
  email: z.string().optional(),
  grants: z.array(grant),
  /** Of a service account that may do only these of what its role allows. */
  actions: z.array(action).optional(),
  version: z.string(),
});

export const token = z.object({
  id,
  name: shownName,
  role,
  tenantId: id.nullable(),
  createdAt: time,
  expiresAt: time,
  lastUsedAt: time.optional(),
  revokedAt: time.optional(),
});

export const getMe = defineRoute({
  method: 'GET',
  path: '/me',
  action: 'me.read',
  summary: 'Who is asking, and with which roles',
  status: 200,
  response: me,
});
export const listTokens = defineRoute({
  method: 'GET',
  path: '/tokens',
  action: 'tokens.self',
  isForPeople: true,
  summary: 'The caller’s API tokens',
  query: pageQuery,
  status: 200,
  response: page(token),
});
export const createToken = defineRoute({
  method: 'POST',
  path: '/tokens',
  action: 'tokens.self',
  isForPeople: true,
  needsProof: true,
  summary: 'Creates an API token with no more rights than its creator; the secret is shown only here',
  body: z.strictObject({ name, role, tenantId: id.nullable().default(null), expiresInDays: lifeInDays.default(90) }),
  status: 201,
  response: token.extend({ secret: z.string() }),
});
export const revokeToken = defineRoute({
  method: 'DELETE',
  path: '/tokens/{id}',
  action: 'tokens.self',
  isForPeople: true,
  summary: 'Revokes a token at once',
  params: idParams,
  status: 204,
});
