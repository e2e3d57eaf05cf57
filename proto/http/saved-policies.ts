import { z } from 'zod';
import { LEVELS } from '../model/policy/effective.ts';
import { count32, forPeople, id, idParams, page, pageQuery, policyProblem, time } from './common.ts';
import { tag } from './fleet.ts';
import { defineRoute } from './route.ts';

/** Of one tenant, and of the installation. */
export const MAX_POLICIES = 500;
/** All documents of one tenant together. */
export const MAX_ALL_POLICY_BYTES = 16 * 1024 * 1024;
export const MAX_REVISIONS = 50;
/** All revisions of one policy together, beside the newest. */
export const MAX_REVISION_BYTES = 2 * 1024 * 1024;

/** What a policy is for. Of the installation: the fleet, or a tag everywhere. Of a tenant: anything within it. */
export const policyTarget = z.discriminatedUnion('level', [
  z.strictObject({ level: z.literal('fleet') }),
  /** All gateways of its tenant. */
  z.strictObject({ level: z.literal('tenant') }),
  z.strictObject({ level: z.literal('tag'), tag }),
  z.strictObject({ level: z.literal('site'), siteId: id }),
  z.strictObject({ level: z.literal('gateway'), gatewayId: id }),
]);
export type PolicyTarget = z.infer<typeof policyTarget>;

/** A target with the names that belong to its ids. */
export const shownTarget = z.object({
  level: z.enum(LEVELS),
  tag: z.string().optional(),
  siteId: id.optional(),
  siteName: z.string().optional(),
  gatewayId: id.optional(),
  gatewayName: z.string().optional(),
});

/** The pipeline that applies a policy from a file, and the revision of that file, such as a commit. */
export const managedBy = z.strictObject({
  name: forPeople(z.string().trim().min(1).max(100)),
  revision: forPeople(z.string().trim().min(1).max(100)),
});
export type ManagedBy = z.infer<typeof managedBy>;
const shownManagedBy = z.object({ name: z.string(), revision: z.string() });

/**
 * YAML or JSON as text; places of problems are in it. A JSON object is taken too, and places are then in that object, written with an
 * indent of two.
 */
export const documentText = z.union([z.string(), z.record(z.string(), z.unknown())]);

const summary = z.object({
  id,
  /** Absent: of the installation. */
  tenantId: id.optional(),
  tenantName: z.string().optional(),
  name: z.string(),
  target: shownTarget,
  /** Rises with each change. */
  revision: z.number().int(),
  /** SHA-256 of the document, in hex. */
  digest: z.string(),
  managedBy: shownManagedBy.optional(),
  createdBy: z.string(),
  createdAt: time,
  changedBy: z.string(),
  changedAt: time,
  /** How many gateways it reaches now. */
  gateways: z.number().int(),
});
export type PolicySummary = z.infer<typeof summary>;

export const policy = summary.extend({
  /** Canonical YAML. */
  document: z.string(),
});
export type Policy = z.infer<typeof policy>;

export const policyRevision = z.object({
  revision: z.number().int(),
  name: z.string(),
  /** In words, as things were named then. */
  target: z.string(),
  digest: z.string(),
  document: z.string(),
  managedBy: shownManagedBy.optional(),
  changedBy: z.string(),
  changedAt: time,
});
export type PolicyRevision = z.infer<typeof policyRevision>;

const saved = z.strictObject({ tenantId: id.optional(), target: policyTarget, document: documentText, managedBy: managedBy.optional() });

export const listPolicies = defineRoute({
  method: 'GET',
  path: '/policies',
  action: 'policies.read',
  summary: 'Tracking policies, without their documents; nothing is applied by being saved here',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(summary),
});
export const getPolicy = defineRoute({
  method: 'GET',
  path: '/policies/{id}',
  action: 'policies.read',
  summary: 'One policy with its document',
  params: idParams,
  status: 200,
  response: policy,
});
export const createPolicy = defineRoute({
  method: 'POST',
  path: '/policies',
  action: 'policies.write',
  summary: 'Saves a policy; a document with mistakes is refused with the place of each. Only programs name `managedBy`',
  body: saved,
  status: 201,
  response: policy,
});
export const updatePolicy = defineRoute({
  method: 'PATCH',
  path: '/policies/{id}',
  action: 'policies.write',
  summary:
    'Changes a policy; `revision` is the one that was seen. One that a pipeline applies is changed by that pipeline, which names ' +
    'itself in `managedBy`, or after `managedBy: null` has taken it over',
  params: idParams,
  body: z.strictObject({
    revision: count32,
    document: documentText.optional(),
    target: policyTarget.optional(),
    managedBy: managedBy.nullable().optional(),
  }),
  status: 200,
  response: policy,
});
export const deletePolicy = defineRoute({
  method: 'DELETE',
  path: '/policies/{id}',
  action: 'policies.write',
  summary: 'Deletes a policy with its revisions; one that a pipeline applies is taken over first',
  params: idParams,
  status: 204,
});
export const listPolicyRevisions = defineRoute({
  method: 'GET',
  path: '/policies/{id}/revisions',
  action: 'policies.read',
  summary: `The last revisions of a policy, newest first: at most ${MAX_REVISIONS}`,
  params: idParams,
  status: 200,
  response: z.object({ items: z.array(policyRevision) }),
});
export const checkPolicy = defineRoute({
  method: 'POST',
  path: '/policies:check',
  action: 'policies.read',
  isSafe: true,
  summary: 'Reads a document and says what saving it would do; nothing is saved. The dry run of pipelines',
  body: saved.partial({ target: true }),
  status: 200,
  response: z.object({
    problems: z.array(policyProblem),
    /** Of a document without problems. */
    canonical: z.string().optional(),
    digest: z.string().optional(),
    name: z.string().optional(),
    /** What saving it under its name would do; `target` counts if it is given. */
    would: z.enum(['create', 'change', 'nothing']).optional(),
    /** The policy of that name, if there is one. */
    existing: z.object({ id, revision: z.number().int(), managedBy: shownManagedBy.optional() }).optional(),
    /** What is different, in words. */
    changes: z.array(z.string()),
    /** Why it would be refused, beside problems of the document. */
    refusal: z.string().optional(),
  }),
});
