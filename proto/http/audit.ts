import { z } from 'zod';
import { askedTime, id, idParams, page, pageQuery, time } from './common.ts';
import { listPlanFlows } from './plans.ts';
import { defineRoute } from './route.ts';

export const auditEntry = z.object({
  id,
  /** Position in its tenant's chain. */
  seq: z.number().int(),
  at: time,
  tenantId: id.optional(),
  tenantName: z.string().optional(),
  actor: z.object({
    kind: z.enum(['user', 'token', 'service-account', 'gateway', 'remediation', 'system']),
    id: z.string(),
    name: z.string(),
  }),
  /** noun.verb, such as `flush.started`, `flush.target-finished`, `session.signed-in`, `enrolment.refused`. */
  action: z.string(),
  outcome: z.enum(['ok', 'refused', 'failed', 'partial']),
  /** One sentence for people. */
  summary: z.string(),
  planId: id.optional(),
  flushId: id.optional(),
  gatewayId: id.optional(),
  gatewayName: z.string().optional(),
  reason: z.string().optional(),
  ticket: z.string().optional(),
  detail: z.record(z.string(), z.unknown()),
  /** SHA-256 over the canonical JSON of the entry with the hash before it. */
  hash: z.string(),
  previousHash: z.string(),
});
export type AuditEntry = z.infer<typeof auditEntry>;

export const listAudit = defineRoute({
  method: 'GET',
  path: '/audit',
  action: 'audit.read',
  summary: 'Who decided what, newest first',
  query: pageQuery.extend({
    tenant: id.optional(),
    gateway: id.optional(),
    flush: id.optional(),
    action: z.string().max(100).optional(),
    q: z.string().max(200).optional(),
  }),
  status: 200,
  response: page(auditEntry),
});
export const getAuditEntry = defineRoute({
  method: 'GET',
  path: '/audit/{id}',
  action: 'audit.read',
  summary: 'One entry',
  params: idParams,
  status: 200,
  response: auditEntry,
});
export const listAuditFlows = defineRoute({
  method: 'GET',
  path: '/audit/{id}/flows',
  action: 'audit.read',
  summary: 'Every flow that the entry concerns, with its outcome',
  params: idParams,
  query: pageQuery,
  status: 200,
  response: listPlanFlows.response,
});

export const verifyAudit = defineRoute({
  method: 'POST',
  path: '/audit:verify',
  action: 'audit.read',
  isSafe: true,
  summary: 'Verifies every chain from its first entry to its head, and against its signed checkpoints',
  status: 200,
  response: z.object({
    checkedAt: time,
    isIntact: z.boolean(),
    chains: z.array(
      z.object({
        /** A tenant’s id, or `system`. */
        chain: z.string(),
        tenantId: id.optional(),
        tenantName: z.string().optional(),
        /** Entries up to the first break. */
        entries: z.number().int(),
        checkpoints: z.number().int(),
        isIntact: z.boolean(),
        /** Entries up to this one are past their retention; a signed stub replaces them. */
        dropped: z.object({ upTo: z.number().int(), at: time }).optional(),
        firstBreak: z.object({ seq: z.number().int(), id: id.optional(), why: z.string() }).optional(),
      }),
    ),
  }),
});
export const listCheckpoints = defineRoute({
  method: 'GET',
  path: '/audit/checkpoints',
  action: 'audit.read',
  summary: 'The newest signed head of each chain, and the public key',
  status: 200,
  response: z.object({
    publicKey: z.string(),
    keyId: z.string(),
    items: z.array(
      z.object({ chain: z.string(), seq: z.number().int(), hash: z.string(), at: time, signature: z.string(), keyId: z.string() }),
    ),
  }),
});
/** Text: see docs for the formats. NDJSON ends with a signed line, so that a truncated response can be detected. */
export const exportAudit = defineRoute({
  method: 'GET',
  path: '/audit:export',
  action: 'audit.read',
  summary: 'The trail as NDJSON that anyone can verify, or as CSV, ECS or CEF',
  query: z
    .object({
      format: z.enum(['ndjson', 'csv', 'ecs', 'cef']).default('ndjson'),
      from: askedTime.optional(),
      to: askedTime.optional(),
      tenant: id.optional(),
    })
    .refine(({ from, to }) => from === undefined || to === undefined || Date.parse(from) < Date.parse(to), {
      path: ['to'],
      error: 'must lie after from',
    }),
  status: 200,
});
