import { z } from 'zod';
import { parseAddress } from '../model/address.ts';
import { MAX_EXPECTATIONS } from '../model/expectation.ts';
import { protocolNumber } from '../model/protocol.ts';
import { forPeople, id, idParams, time } from './common.ts';
import { defineRoute } from './route.ts';

const number = (max: number) => z.number().int().min(0).max(max);
const address = z
  .string()
  .max(64)
  .refine((text) => parseAddress(text) !== undefined, 'must be an IPv4 or IPv6 address');
const proto = z
  .string()
  .max(32)
  .refine((text) => protocolNumber(text) !== undefined, 'must be the name or the number of a protocol');
/** `port`: for GRE the call id. */
const side = z.object({ address, prefix: number(128).optional(), port: number(0xffff).optional() });

/** A connection that a helper expects, and then counts as RELATED. */
export const expectation = z.object({
  /** The kernel's; a new one may get it once this has ended. */
  id: number(0xffff_ffff),
  proto,
  /** Absent port: any. A prefix where not all bits of the address count. */
  src: side,
  dst: side,
  /** The flow that expects it, in its original direction. */
  master: z.object({ src: side, dst: side, proto }),
  helper: z.string().max(16).optional(),
  zone: number(0xffff).optional(),
  /** Absent: it stays until its flow ends. */
  timeoutSeconds: number(0xffff_ffff).optional(),
  /** It stays when a connection has arisen from it. */
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
