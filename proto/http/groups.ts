import { z } from 'zod';
import { grant } from './access.ts';
import { count32, forPeople, id, idParams, page, pageQuery, shownName, time } from './common.ts';
import { grants } from './people.ts';
import { defineRoute } from './route.ts';

/** Groups that give a role in one tenant, or over all. */
export const MAX_GROUPS = 100;
export const MAX_GROUP_NAME_LENGTH = 64;
export const MAX_MEMBERS = 1000;
/** A group's members times its roles: each member holds each role, and every change says so in the trail. */
export const MAX_RIGHTS_OF_GROUP = 20_000;

const fields = {
  name: forPeople(z.string().trim().min(1).max(MAX_GROUP_NAME_LENGTH)),
  grants: grants.min(1),
  /** Ids of people. */
  members: z
    .array(id)
    .max(MAX_MEMBERS)
    .refine((all) => new Set(all).size === all.length, 'name a person twice'),
};

export const group = z.object({
  id,
  name: shownName,
  /** Counts changes. */
  revision: z.number().int(),
  grants: z.array(grant),
  memberCount: z.number().int(),
  createdAt: time,
});
export const groupWithMembers = group.extend({ members: z.array(z.object({ id, name: shownName, email: z.string() })) });

export const listGroups = defineRoute({
  method: 'GET',
  path: '/groups',
  action: 'people.read',
  summary: 'The groups of people all of whose roles are in the caller’s tenants',
  query: pageQuery,
  status: 200,
  response: page(group),
});
export const getGroup = defineRoute({
  method: 'GET',
  path: '/groups/{id}',
  action: 'people.read',
  summary: 'A group with its members',
  params: idParams,
  status: 200,
  response: groupWithMembers,
});
export const createGroup = defineRoute({
  method: 'POST',
  path: '/groups',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Adds a group; its members have its roles as long as they are in it',
  body: z.strictObject({ ...fields, members: fields.members.default([]) }),
  status: 201,
  response: groupWithMembers,
});
export const updateGroup = defineRoute({
  method: 'PATCH',
  path: '/groups/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Changes a group’s name, or replaces its roles or members; `revision` is the one that was seen. Effective at once',
  params: idParams,
  body: z.strictObject({
    revision: count32,
    name: fields.name.optional(),
    grants: fields.grants.optional(),
    members: fields.members.optional(),
  }),
  status: 200,
  response: groupWithMembers,
});
export const removeGroup = defineRoute({
  method: 'DELETE',
  path: '/groups/{id}',
  action: 'people.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Removes a group; its members no longer have its roles',
  params: idParams,
  status: 204,
});
