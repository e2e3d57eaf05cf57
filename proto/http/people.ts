import { z } from 'zod';
import { grant } from './access.ts';
import { id, idParams, name, page, pageQuery, shownName, time } from './common.ts';
import { defineRoute } from './route.ts';

/** In characters. */
export const MIN_PASSWORD_LENGTH = 15;
const MAX_GRANTS = 200;
export const email = z.email().max(254).toLowerCase();

/** `invited`: has not chosen a password yet. */
export const personState = z.enum(['invited', 'active', 'suspended']);

export const person = z.object({
  id,
  name: shownName,
  email: z.string(),
  state: personState,
  /** Those in the caller's tenants; others are neither shown nor counted. */
  grants: z.array(grant),
  /** Those that a directory's groups give, besides. */
  directoryGrants: z.array(grant.extend({ provider: z.string() })),
  /** Those that groups of people give, besides. `group` is absent where the caller does not see it: it has roles elsewhere too. */
  groupGrants: z.array(grant.extend({ group: z.object({ id, name: shownName }).optional() })),
  /** What this person can sign in with; `totp` and `passkey` are second factors. */
  methods: z.array(z.enum(['password', 'directory', 'totp', 'passkey'])),
  createdAt: time,
  lastSignInAt: time.optional(),
  /** A link that was made for this person and not used. */
  link: z.object({ expiresAt: time, createdBy: z.string() }).optional(),
  /** The last mail with such a link, where a mail server is set. `reason`: why it is not delivered, or not yet. */
  mail: z.object({ state: z.enum(['waiting', 'sent', 'failed']), at: time, reason: z.string().optional() }).optional(),
});
/** Where a mail server is set the link is sent to the person and shown to nobody; otherwise it is shown once, to be handed over. */
export const signInLink = z.object({ isMailed: z.boolean(), link: z.url().optional(), expiresAt: time.optional() });

/** Roles given by a caller. */
export const grants = z
  .array(grant.strict())
  .max(MAX_GRANTS)
  .refine((all) => new Set(all.map(({ role, tenantId }) => `${role} ${tenantId}`)).size === all.length, 'name a role twice for one tenant');

export const listPeople = defineRoute({
  method: 'GET',
  path: '/people',
  action: 'people.read',
  summary: 'The people who have a role in the caller’s tenants',
  query: pageQuery,
  status: 200,
  response: page(person),
});
export const invitePerson = defineRoute({
  method: 'POST',
  path: '/people',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Adds a person with roles; the link by which the person chooses a password is sent by mail, or shown only here',
  body: z.strictObject({ name, email, grants: grants.min(1) }),
  status: 201,
  response: person.extend({ made: signInLink }),
});
export const updatePerson = defineRoute({
  method: 'PATCH',
  path: '/people/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Changes a person’s name, or replaces the person’s roles in the caller’s tenants; effective at once',
  params: idParams,
  body: z.strictObject({ name: name.optional(), grants: grants.optional() }),
  status: 200,
  response: person,
});
export const suspendPerson = defineRoute({
  method: 'POST',
  path: '/people/{id}:suspend',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Ends a person’s sessions and tokens, and lets nobody sign in as this person until resumed',
  params: idParams,
  status: 200,
  response: person,
});
export const resumePerson = defineRoute({
  method: 'POST',
  path: '/people/{id}:resume',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Lets a suspended person sign in again, with the same roles and tokens',
  params: idParams,
  status: 200,
  response: person,
});
export const createSignInLink = defineRoute({
  method: 'POST',
  path: '/people/{id}:link',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Creates a link by which a person chooses a new password, sent by mail or shown only here; an earlier link ends',
  params: idParams,
  status: 201,
  response: signInLink,
});
export const removePerson = defineRoute({
  method: 'DELETE',
  path: '/people/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Removes a person with all sessions, tokens and roles; what the person did stays in the audit trail',
  params: idParams,
  status: 204,
});
export const removeSecondFactors = defineRoute({
  method: 'DELETE',
  path: '/people/{id}/second-factors',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Removes a person’s codes and passkeys, for one who lost them, and ends all sessions; the password stays',
  params: idParams,
  status: 200,
  response: person,
});
