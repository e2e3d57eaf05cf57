import { z } from 'zod';
import { count64, id, idParams, time } from './common.ts';
import { refusedPackets } from './plans.ts';
import { defineRoute } from './route.ts';

/** One block on one gateway. */
export const block = z.object({
  id,
  tenantId: id,
  gatewayId: id,
  gatewayName: z.string(),
  /** Absent for a block started by a remediation on the gateway. */
  flushId: id.optional(),
  refused: refusedPackets,
  /** Number of flows whose packets are refused as well. */
  flows: z.number().int(),
  since: time,
  until: time,
  /** The person, token or remediation behind it. */
  begunBy: z.string(),
  /** So far, as last reported by the gateway. */
  packetsRefused: count64,
  /** `lifting`: the gateway has not yet reported its end. */
  state: z.enum(['standing', 'lifting']),
  liftedBy: z.string().optional(),
});
export type Block = z.infer<typeof block>;

export const listBlocks = defineRoute({
  method: 'GET',
  path: '/blocks',
  action: 'flushes.read',
  summary: 'What is blocked now: on a gateway, by a flush, or anywhere the caller may see; 1,000 at most, those that end last first',
  query: z.object({ tenant: id.optional(), gateway: id.optional(), flush: id.optional() }),
  status: 200,
  response: z.object({ items: z.array(block) }),
});
export const liftBlock = defineRoute({
  method: 'POST',
  path: '/blocks/{id}:lift',
  action: 'plans.run',
  summary: 'Lifts a block early; an offline gateway lifts it when it reconnects, if it has not ended by then',
  params: idParams,
  status: 200,
  response: block,
});
