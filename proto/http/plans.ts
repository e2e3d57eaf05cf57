import { z } from 'zod';
import { browserOptions, usedCredential } from './account.ts';
import { METHOD_WORDS } from '../model/method.ts';
import { count32, forPeople, id, idParams, pageQuery, page, time } from './common.ts';
import { flow } from './flows.ts';
import { defineRoute } from './route.ts';
import { scope } from './scope.ts';

/**
 * `delete` forgets entries, `reset` sends both sides an RST first, `block` refuses all packets that the filter describes for a while,
 * `expire` fixes the remaining time.
 */
export const method = z.enum(METHOD_WORDS);

export const flushTotals = z.object({
  planned: z.number().int(),
  deleted: z.number().int(),
  /** Of those deleted: a new entry with the same original tuple has another translation. */
  rebuilt: z.number().int(),
  gone: z.number().int(),
  protected: z.number().int(),
  reappeared: z.number().int(),
  failed: z.number().int(),
  indeterminate: z.number().int(),
  /** Ended by an RST; refused for a while; ending at a time. */
  reset: z.number().int(),
  blocked: z.number().int(),
  expiring: z.number().int(),
  /** By an undo: restored; not restored, because traffic had created a new entry. */
  restored: z.number().int(),
  occupied: z.number().int(),
  /** Left alone, because the flush was stopped before their turn. */
  cancelled: z.number().int(),
});

export const outcome = z.enum([
  'deleted',
  'rebuilt',
  'reappeared',
  'gone',
  'protected',
  'failed',
  'indeterminate',
  'reset',
  'blocked',
  'expiring',
  'restored',
  'occupied',
  'cancelled',
]);

/** What will happen to flows of one kind, derived from the gateways' firewalls. */
export const prediction = z.object({
  fate: z.enum(['reconnects', 'breaks', 'hangs', 'unknown']),
  flows: z.number().int(),
  why: z.string(),
});

export const impact = z.object({
  matched: z.number().int(),
  protected: z.number().int(),
  assured: z.number().int(),
  unreplied: z.number().int(),
  natted: z.number().int(),
  active: z.number().int(),
  idle: z.number().int(),
  unknownActivity: z.number().int(),
  byProto: z.record(z.string(), z.number().int()),
  byState: z.record(z.string(), z.number().int()),
  byWan: z.record(z.string(), z.number().int()),
  topSources: z.array(z.object({ name: z.string(), flows: z.number().int() })),
  topDestinations: z.array(z.object({ name: z.string(), flows: z.number().int() })),
  protectedBy: z.record(z.string(), z.number().int()),
  /** All matches together; absent if one of the gateways does not know it. */
  rateBitsPerSecond: z.number().optional(),
  /** The oldest flows. */
  longestLived: z.array(flow),
  predictions: z.array(prediction),
});

/** What a block refuses, as a gateway froze it. `conditions`: packets for which one of them holds; none: only those of the plan's flows. */
export const refusedPackets = z.object({
  words: z.string(),
  conditions: z.array(z.string()),
  seconds: z.number().int(),
});

/** One gateway's part; those left out come first, with the reason. */
export const planGateway = z.object({
  id,
  name: z.string(),
  tenantId: id,
  siteId: id,
  state: z.enum(['ready', 'empty', 'left-out']),
  reason: z.string().optional(),
  flows: z.number().int(),
  /** How many of them were stale when the gateway froze them; absent if not counted. */
  staleFlows: z.number().int().optional(),
  tableCount: z.number().int().optional(),
  digest: z.string().optional(),
  snapshotAt: time.optional(),
  /** For a block. `spared`: what it lets through all the same, by protection. */
  refused: refusedPackets.optional(),
  spared: z.array(z.string()),
});

/** What the console demands of the operator before a run; derived from count, sites, share of the table and `all`. */
export const friction = z.enum(['none', 'count-in-button', 'type-count', 'second-person']);

/** `passkey`: the name of the one it was signed with; absent if the person only was signed in. */
export const approval = z.object({ by: z.string(), at: time, passkey: z.string().optional() });

export const plan = z.object({
  id,
  state: z.enum(['ready', 'expired', 'run']),
  digest: z.string(),
  createdAt: time,
  expiresAt: time,
  filter: z.string(),
  isEverything: z.boolean(),
  method,
  reason: z.string(),
  ticket: z.string().optional(),
  totals: z.object({ flows: z.number().int(), gateways: z.number().int(), sites: z.number().int(), leftOut: z.number().int() }),
  /** How many gateways each wave has, if it runs in waves; one wave means all at once. Partners by `ha:` tag are never in the same. */
  waves: z.array(z.number().int()),
  impact,
  friction,
  gateways: z.array(planGateway),
  createdBy: z.string(),
  forSeconds: z.number().int().optional(),
  /** How long deleted flows are kept for an undo; 0: not at all. */
  undoForSeconds: z.number().int(),
  maxDrift: z.number().int().optional(),
  /** The second person who approved a plan of friction `second-person`; absent until then. */
  approval: approval.optional(),
  /** Only a signature with a passkey approves it: its tenant, or the guard file of a gateway, demands that. */
  needsSignature: z.boolean(),
  flushId: id.optional(),
});
export type Plan = z.infer<typeof plan>;

export const createPlanRequest = z.strictObject({
  filter: z.string().max(100_000).optional(),
  /** Everything on the gateways in scope; the explicit word instead of a filter. */
  all: z.literal(true).optional(),
  scope: scope.default({}),
  method: method.default('delete'),
  reason: forPeople(z.string().trim().min(1).max(500), { hasLines: true }),
  ticket: z
    .literal('')
    .or(forPeople(z.string().trim().max(100)))
    .optional(),
  /**
   * The most planned flows of a gateway that may be gone when its turn comes; beyond that nothing is touched there (PLAN_DRIFTED), and
   * later waves are held back as after any failure. Absent: any number. Gateways whose agent cannot check are left out.
   */
  maxDrift: count32.optional(),
  /** For `reset`, how long to wait for a packet; for `block`, to refuse packets; for `expire`, until the end. */
  forSeconds: z.number().int().min(1).max(3600).optional(),
  undoForSeconds: z.number().int().min(0).max(3600).default(300),
});

/** Digest of the plan that the caller saw. */
const askedDigest = z.string().max(200);

export const createPlan = defineRoute({
  method: 'POST',
  path: '/plans',
  action: 'plans.write',
  summary: 'Freezes exactly which flows would go, on which gateways, and what that would break',
  body: createPlanRequest,
  status: 201,
  response: plan,
});
export const getPlan = defineRoute({
  method: 'GET',
  path: '/plans/{id}',
  action: 'plans.read',
  summary: 'One plan',
  params: idParams,
  status: 200,
  response: plan,
});
export const listPlanFlows = defineRoute({
  method: 'GET',
  path: '/plans/{id}/flows',
  action: 'plans.read',
  summary: 'The exact flows of a plan, in its order, with their outcome once it ran',
  params: idParams,
  query: pageQuery.extend({ gateway: id.optional(), flush: id.optional() }),
  status: 200,
  /** `droppedAt`: the flows are past their retention. */
  response: page(flow.extend({ outcome: outcome.optional() })).extend({ droppedAt: time.optional() }),
});
export const runPlan = defineRoute({
  method: 'POST',
  path: '/plans/{id}:run',
  action: 'plans.run',
  needsProof: 'whole-tables',
  summary: 'Carries out a plan; the digest proves that it is the one that was seen',
  params: idParams,
  body: z.strictObject({
    digest: askedDigest,
    /** False: all gateways at once, except partners of one another. */
    waves: z.boolean().default(true),
  }),
  status: 202,
  response: z.object({ flushId: id }),
});
const approved = plan.or(z.object({ rolloutId: id }));
export type Approved = z.infer<typeof approved>;

export const approvePlan = defineRoute({
  method: 'POST',
  path: '/plans/{id}:approve',
  action: 'plans.approve',
  isForPeople: true,
  needsProof: 'unless-signed',
  summary: 'Approves a plan as second person; not by its creator, and not by an API token. Signed, it can be verified by anyone later',
  params: idParams,
  body: z.strictObject({
    digest: askedDigest,
    /** The answer of one of the caller's passkeys to the options of `createApprovalOptions`. */
    signature: usedCredential.optional(),
  }),
  status: 200,
  /** Of a plan that is the one of a roll-out: which has begun with this. */
  response: approved,
});
export const createApprovalOptions = defineRoute({
  method: 'POST',
  path: '/plans/{id}:options',
  action: 'plans.approve',
  isForPeople: true,
  isSafe: true,
  summary: 'What a browser needs to sign the approval of a plan with a passkey of the caller; the challenge says which plan',
  params: idParams,
  body: z.strictObject({ digest: askedDigest }),
  status: 200,
  /** `passkeys`: names of those that can be used. */
  response: browserOptions.extend({ passkeys: z.array(z.string()) }),
});
