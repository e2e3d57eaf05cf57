import { z } from 'zod';
import { FLOW_KINDS, WAN_EVENT_STATES, WAN_SIGNS, type FlowKind } from '../model/wan-event.ts';
import { askedTime, id, idParams, page, pageQuery, time } from './common.ts';
import { defineRoute } from './route.ts';

const flows = z.number().int();
export const flowKinds = z.object(Object.fromEntries(FLOW_KINDS.map((kind) => [kind, flows])) as Record<FlowKind, typeof flows>);

/** What became of flows that were ended, looked at for a minute: whether host and destination have a flow again, and an answer. */
export const cameBack = z.object({
  since: time,
  watchedAt: time,
  /** The minute is over. */
  isFinal: z.boolean(),
  ended: flowKinds,
  back: flowKinds,
  /** Of those back. */
  answered: flowKinds,
  /** Of those back, by the WAN that they use now. */
  byWan: z.record(z.string(), flows),
  /** Up to 20 that are not back, or not answered. */
  /** Of those ended, beyond what is watched. */
  notWatched: flows,
  missed: z.array(
    z.object({ proto: z.string(), src: z.string(), dst: z.string(), dport: z.number().int().optional(), isBack: z.boolean() }),
  ),
});
export type CameBack = z.infer<typeof cameBack>;

/** One failover, as one record, without what was done about it. */
export const wanEventHead = z.object({
  id,
  gatewayId: id,
  gatewayName: z.string(),
  siteId: id,
  siteName: z.string(),
  tenantId: id,
  tenantName: z.string(),
  state: z.enum(WAN_EVENT_STATES),
  /** That failed. */
  wan: z.string(),
  interface: z.string(),
  /** That it had; absent if none is known. */
  address: z.string().optional(),
  /** After the WAN's name: `lost the default route`. */
  failed: z.string(),
  seen: z.array(z.object({ at: time, sign: z.enum(WAN_SIGNS), words: z.string() })),
  /** Who took over; absent if no other WAN works. */
  target: z.object({ wan: z.string(), isHealthy: z.boolean().optional() }).optional(),
  beganAt: time,
  changedAt: time,
  healedAt: time.optional(),
  closedAt: time.optional(),
  /** Later than its change if the gateway could not reach the controller. */
  reportedAt: time,
  /** Flows that use it at the last look: with a packet within that look, and others that only wait to expire. */
  using: z.object({ at: time, trying: flowKinds, waiting: flowKinds }).optional(),
  atFirst: z.object({ at: time, trying: flowKinds, waiting: flowKinds }).optional(),
  cameBack: cameBack.optional(),
  changesAnHour: z.number().int(),
});
export type WanEventHead = z.infer<typeof wanEventHead>;

export const wanEvent = wanEventHead.extend({
  /** What remediations and people did about it, in order. */
  actions: z.array(
    z.object({
      at: time,
      kind: z.enum(['remediation-run', 'flush']),
      id,
      /** Who: the name of the remediation or of the person. */
      by: z.string(),
      state: z.string(),
      ended: flows,
    }),
  ),
});
export type WanEvent = z.infer<typeof wanEvent>;

export const listWanEvents = defineRoute({
  method: 'GET',
  path: '/wan-events',
  action: 'gateways.read',
  summary: 'WAN events, newest first; `state=all-open` gives those about which something may still have to be done',
  query: pageQuery.extend({
    tenant: id.optional(),
    site: id.optional(),
    gateway: id.optional(),
    state: z.enum([...WAN_EVENT_STATES, 'all-open']).optional(),
    from: askedTime.optional(),
    to: askedTime.optional(),
  }),
  status: 200,
  response: page(wanEvent),
});
export const getWanEvent = defineRoute({
  method: 'GET',
  path: '/wan-events/{id}',
  action: 'gateways.read',
  summary: 'One WAN event',
  params: idParams,
  status: 200,
  response: wanEvent,
});
