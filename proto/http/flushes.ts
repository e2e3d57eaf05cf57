import { z } from 'zod';
import { count64, id, idParams, page, pageQuery, time } from './common.ts';
import { approval, flushTotals, method, plan } from './plans.ts';
import { cameBack } from './wan-events.ts';
import { defineRoute } from './route.ts';

export const targetState = z.enum([
  'waiting',
  'running',
  'verifying',
  'verified',
  'partial',
  'reappeared',
  'offline',
  'expired',
  'skipped',
  'cancelled',
  'failed',
  'indeterminate',
]);
/**
 * Target states of a finished flush in which nothing is certain to have happened, so a retry plans them again. Cancelled ones were meant to
 * be left alone.
 */
export const RETRIABLE_STATES: ReadonlySet<z.output<typeof targetState>> = new Set(['failed', 'expired', 'offline', 'indeterminate']);

export const flushTarget = z.object({
  /** What became of the flows that were ended there, a minute later; absent while it is not known. */
  cameBack: cameBack.optional(),
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
  wave: z.number().int(),
  /** Until when an undo can restore what was deleted here. */
  undoUntil: time.optional(),
  /** For a block: packets refused when the gateway verified it, and when it ends. `words` says so in a sentence. */
  blocked: z.object({ packetsRefused: count64, until: time.optional(), words: z.string() }).optional(),
});

export const flush = z.object({
  id,
  planId: id,
  /** `run` carries its plan out, `undo` restores what that deleted. */
  kind: z.enum(['run', 'undo']),
  /** `stopped`: a rule held the later waves back; `stopReason` says which. */
  state: z.enum(['running', 'verified', 'partial', 'failed', 'cancelled', 'stopped']),
  filter: z.string(),
  isEverything: z.boolean(),
  method,
  reason: z.string(),
  ticket: z.string().optional(),
  digest: z.string(),
  createdBy: z.string(),
  /** The second person, where the plan had one. */
  approval: approval.optional(),
  startedAt: time,
  finishedAt: time.optional(),
  /** A gateway that has not started by then does nothing. */
  notAfter: time,
  tenants: z.array(z.object({ id, name: z.string() })),
  totals: flushTotals,
  /** The same of all gateways that told it. */
  cameBack: cameBack.optional(),
  /** WAN events of which it ended flows. */
  wanEventIds: z.array(id).optional(),
  targets: z.array(flushTarget),
  /** The current wave, and their number. */
  wave: z.number().int(),
  waves: z.number().int(),
  stopReason: z.string().optional(),
  /** Until when it can be undone, once it has finished. */
  undoUntil: time.optional(),
  undoneBy: id.optional(),
});
export type Flush = z.infer<typeof flush>;

export const flushEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('flush'), flush }),
  z.object({ kind: z.literal('target'), flushId: id, target: flushTarget, totals: flushTotals, state: flush.shape.state }),
]);

export const listFlushes = defineRoute({
  method: 'GET',
  path: '/flushes',
  action: 'flushes.read',
  summary: 'Flushes, newest first',
  query: pageQuery.extend({ tenant: id.optional(), gateway: id.optional(), state: flush.shape.state.optional() }),
  status: 200,
  response: page(flush.omit({ targets: true })),
});
export const getFlush = defineRoute({
  method: 'GET',
  path: '/flushes/{id}',
  action: 'flushes.read',
  summary: 'One flush with a target per gateway',
  params: idParams,
  status: 200,
  response: flush,
});
export const watchFlush = defineRoute({
  method: 'GET',
  path: '/flushes/{id}/events',
  action: 'flushes.read',
  summary: 'Live progress: first the whole flush, then each change of a target',
  params: idParams,
  status: 200,
  response: flushEvent,
  isStream: true,
});
export const cancelFlush = defineRoute({
  method: 'POST',
  path: '/flushes/{id}:cancel',
  action: 'flushes.cancel',
  summary: 'Cancels what has not started, and stops gateways that are at work; what is deleted stays deleted',
  params: idParams,
  status: 200,
  response: flush,
});
export const stopFlushes = defineRoute({
  method: 'POST',
  path: '/flushes:stop',
  action: 'flushes.cancel',
  summary:
    'Stops every running flush: of one tenant, on one gateway, or all that the caller may stop. Of a flush that touches other tenants too, only the caller’s own part',
  body: z.strictObject({ tenant: id.optional(), gateway: id.optional() }),
  status: 200,
  response: z.object({ stopped: z.array(id) }),
});
export const undoFlush = defineRoute({
  method: 'POST',
  path: '/flushes/{id}:undo',
  action: 'flushes.undo',
  summary: 'Restores what a flush deleted, once and within its time; a flush of its own',
  params: idParams,
  status: 202,
  response: z.object({ flushId: id }),
});
export const retryFlush = defineRoute({
  method: 'POST',
  path: '/flushes/{id}:retry',
  action: 'plans.write',
  summary: 'Plans the same again for the gateways that failed or were not reached; to be reviewed and run like any plan',
  params: idParams,
  status: 201,
  response: plan,
});
