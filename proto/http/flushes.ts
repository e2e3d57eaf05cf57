import { z } from 'zod';
import { id, idParams, page, pageQuery, time } from './common.ts';
import { flushTotals, method } from './plans.ts';
import { defineRoute } from './route.ts';

export const targetState = z.enum(['waiting', 'running', 'verifying', 'verified', 'partial', 'reappeared', 'offline', 'expired', 'skipped', 'cancelled', 'failed', 'indeterminate']);

export const flushTarget = z.object({
  gatewayId: id,
  gatewayName: z.string(),
  state: targetState,
  totals: flushTotals,
  /** Flows handled so far while it runs. */
  done: z.number().int(),
  tableBefore: z.number().int().optional(),
  tableAfter: z.number().int().optional(),
  startedAt: time.optional(),
  finishedAt: time.optional(),
  reason: z.string().optional(),
});

export const flush = z.object({
  id,
  planId: id,
  state: z.enum(['running', 'verified', 'partial', 'failed', 'cancelled']),
  filter: z.string(),
  isEverything: z.boolean(),
  method,
  reason: z.string(),
  ticket: z.string().optional(),
  digest: z.string(),
  createdBy: z.string(),
  startedAt: time,
  finishedAt: time.optional(),
  /** A gateway that has not begun by then does nothing. */
  notAfter: time,
  tenants: z.array(z.object({ id, name: z.string() })),
  totals: flushTotals,
  targets: z.array(flushTarget),
});
export type Flush = z.infer<typeof flush>;

export const flushEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('flush'), flush }),
  z.object({ kind: z.literal('target'), flushId: id, target: flushTarget, totals: flushTotals, state: flush.shape.state }),
]);

export const listFlushes = defineRoute({
  method: 'GET', path: '/flushes', action: 'flushes.read', summary: 'Flushes, newest first',
  query: pageQuery.extend({ gateway: id.optional(), state: flush.shape.state.optional() }), status: 200, response: page(flush.omit({ targets: true })),
});
export const getFlush = defineRoute({
  method: 'GET', path: '/flushes/{id}', action: 'flushes.read', summary: 'One flush with a target per gateway', params: idParams, status: 200, response: flush,
});
export const watchFlush = defineRoute({
  method: 'GET', path: '/flushes/{id}/events', action: 'flushes.read', summary: 'Live progress: the whole flush first, then each change of a target',
  params: idParams, status: 200, response: flushEvent, isStream: true,
});
export const cancelFlush = defineRoute({
  method: 'POST', path: '/flushes/{id}:cancel', action: 'flushes.cancel', summary: 'Takes back the targets that have not begun; what is deleted stays deleted',
  params: idParams, status: 200, response: flush,
});
