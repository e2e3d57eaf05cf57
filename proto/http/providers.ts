import { z } from 'zod';
import { grant } from './access.ts';
import { forPeople, id, idParams, name, shownName, time } from './common.ts';
import { defineRoute } from './route.ts';

const MAX_PROVIDERS = 20;
const MAX_GROUPS = 500;

const text = (max: number) => forPeople(z.string().trim().min(1).max(max));

/** Whoever is in the group of this name has the role. */
export const groupRole = z.strictObject({ group: text(200), ...grant.shape });

const fields = {
  name,
  /** As the provider's discovery document names itself. https; http on this machine only. */
  issuer: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .refine(isGuarded, 'must be an https:// URL'),
  clientId: text(200),
  clientSecret: text(1000),
  scopes: text(200),
  /** The claim that lists the person's groups, in the ID token or the user's info. */
  groupsClaim: text(100),
  /** Whether somebody who has an account with the same e-mail address becomes that person, if the provider has verified the address. */
  linksByEmail: z.boolean(),
  groups: z.array(groupRole).max(MAX_GROUPS),
};

export const provider = z.object({
  id,
  name: shownName,
  issuer: z.string(),
  clientId: z.string(),
  hasClientSecret: z.boolean(),
  scopes: z.string(),
  groupsClaim: z.string(),
  linksByEmail: z.boolean(),
  groups: z.array(groupRole.extend({ group: z.string() })),
  /** What to register at the provider as redirect URI. */
  callback: z.string(),
  createdAt: time,
});

export const listProviders = defineRoute({
  method: 'GET',
  path: '/providers',
  action: 'people.read',
  isForPeople: true,
  summary: 'The directories by which people sign in, with the roles of their groups; for roles over all tenants',
  status: 200,
  response: z.object({ items: z.array(provider).max(MAX_PROVIDERS) }),
});
export const createProvider = defineRoute({
  method: 'POST',
  path: '/providers',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Adds an OpenID Connect provider; for owners over all tenants',
  body: z.strictObject({
    ...fields,
    clientSecret: fields.clientSecret.optional(),
    scopes: fields.scopes.default('openid profile email'),
    groupsClaim: fields.groupsClaim.default('groups'),
    linksByEmail: fields.linksByEmail.default(false),
    groups: fields.groups.default([]),
  }),
  status: 201,
  response: provider,
});
export const updateProvider = defineRoute({
  method: 'PATCH',
  path: '/providers/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Changes a provider; what its groups give is effective at each person’s next sign-in',
  params: idParams,
  // Another issuer is another provider: its people and its secret are others.
  body: z.strictObject(fields).omit({ issuer: true }).partial(),
  status: 200,
  response: provider,
});
export const testProvider = defineRoute({
  method: 'POST',
  path: '/providers/{id}:test',
  action: 'people.write',
  isForPeople: true,
  summary: 'Asks a provider for its discovery document, and says what is wrong with it',
  params: idParams,
  status: 200,
  response: z.object({ problem: z.string().optional() }),
});
export const removeProvider = defineRoute({
  method: 'DELETE',
  path: '/providers/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Removes a provider and every role that its groups gave',
  params: idParams,
  status: 204,
});

/** Nobody between us and the provider can read or change what is said. */
function isGuarded(issuer: string): boolean {
  const url = URL.parse(issuer);
  return url?.protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(url?.hostname ?? '');
}
