import { z } from 'zod';
import { count32, forPeople, id, idParams, time } from './common.ts';
import { defineRoute } from './route.ts';

/** Of one answer. */
export const MAX_EXPECTATIONS = 500;

const side = z.object({ address: z.string(), prefix: z.number().int().optional(), port: z.number().int().optional() });

/** A connection that a helper expects, and then counts as RELATED. */
export const expectation = z.object({
  /** The kernel's; a new one may get it once this has ended. */
  id: count32,
  proto: z.string(),
  /** Absent port: any. A prefix where not all bits of the address count. */
  src: side,
  dst: side,
  /** The flow that expects it, in its original direction. */
  master: z.object({ src: side, dst: side, proto: z.string() }),
  helper: z.string().optional(),
  zone: z.number().int().optional(),
  /** Absent: it stays until its flow ends. */
  timeoutSeconds: z.number().int().optional(),
  isPermanent: z.boolean(),
});
export type ExpectationView = z.infer<typeof expectation>;

const answered = { gatewayId: id, state: z.enum(['answered', 'slow', 'offline', 'failed']), reason: z.string().optional() };

export const listExpectations = defineRoute({
  method: 'GET',
  path: '/gateways/{id}/expectations',
  action: 'flows.read',
  summary: 'Connections that the helpers of a gateway expect now',
  params: idParams,
  status: 200,
  response: z.object({
    ...answered,
    readAt: time.optional(),
    items: z.array(expectation),
    /** Beyond the limit of an answer. */
    left: z.number().int(),
  }),
});
export const deleteExpectations = defineRoute({
  method: 'POST',
  path: '/gateways/{id}/expectations:delete',
  action: 'plans.run',
  summary: 'Deletes expectations exactly as they were listed; one that has become another is left alone',
  params: idParams,
  body: z.strictObject({
    items: z.array(expectation).min(1).max(MAX_EXPECTATIONS),
    reason: forPeople(z.string().trim().min(1).max(500), { hasLines: true }),
  }),
  status: 200,
  response: z.object({ ...answered, deleted: z.number().int(), gone: z.number().int(), failed: z.number().int() }),
});
