import { z } from 'zod';
import { count64, id, idParams, time } from './common.ts';
import { refusedPackets } from './plans.ts';
import { defineRoute } from './route.ts';

/** What is blocked on one gateway. */
export const block = z.object({
  id,
  tenantId: id,
  gatewayId: id,
  gatewayName: z.string(),
  /** Absent for a block that a remediation on the gateway began. */
  flushId: id.optional(),
  refused: refusedPackets,
  /** Whose packets are refused besides. */
  flows: z.number().int(),
  since: time,
  until: time,
  /** The person, token or remediation behind it. */
  begunBy: z.string(),
  /** So far, as the gateway said last. */
  packetsRefused: count64,
  /** `lifting`: the gateway has not said yet that it is over. */
  state: z.enum(['standing', 'lifting']),
  liftedBy: z.string().optional(),
});
export type Block = z.infer<typeof block>;

export const listBlocks = defineRoute({
  method: 'GET',
  path: '/blocks',
  action: 'flushes.read',
  summary: 'What is blocked now: on a gateway, by a flush, or anywhere in sight; 1,000 at most, those that end last first',
  query: z.object({ tenant: id.optional(), gateway: id.optional(), flush: id.optional() }),
  status: 200,
  response: z.object({ items: z.array(block) }),
});
export const liftBlock = defineRoute({
  method: 'POST',
  path: '/blocks/{id}:lift',
  action: 'plans.run',
  summary: 'Ends a block before its time; a gateway that is away lifts it when it is back, if it has not ended by then',
  params: idParams,
  status: 200,
  response: block,
});
