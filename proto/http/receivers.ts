import { z } from 'zod';
import { SEVERITIES } from '../model/alerts/kinds.ts';
import { DAYS } from '../model/alerts/hours.ts';
import { RECEIVER_KINDS } from '../model/alerts/receiver-kinds.ts';
import { count32, id, idParams, name, page, pageQuery, time } from './common.ts';
import { defineRoute } from './route.ts';

export const DELIVERY_STATES = ['queued', 'sent', 'retrying', 'failed', 'left-out'] as const;

const MAX_ADDRESSES = 20;
const CLOCK = /^(?:[01]\d|2[0-3]):[0-5]\d$/;
const kind = z.enum(RECEIVER_KINDS);
const severities = z.array(z.enum(SEVERITIES)).min(1).max(SEVERITIES.length);
const addresses = z
  .array(z.email().max(254))
  .min(1)
  .max(MAX_ADDRESSES)
  .transform((all) => [...new Set(all)]);

/** When it is told; of what was raised at another time it learns when they begin, if that is still raised. */
const hours = z.strictObject({
  timeZone: z.string().min(1).max(64),
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .max(7)
    .refine((all) => new Set(all).size === all.length, 'must have each day once'),
  from: z.string().regex(CLOCK, 'must be a time such as 08:00'),
  to: z.string().regex(CLOCK, 'must be a time such as 18:00'),
  /** All other hours are meant. */
  isOutside: z.boolean().optional(),
});
const remindMinutes = z.number().int().min(5).max(1440);
/** Where other kinds than mail are told, and by what secret; neither is ever shown again. */
const url = z.string().trim().max(2000).optional();
const key = z.string().trim().max(500).optional();

export const receiver = z.object({
  id,
  /** Absent: of the installation, told of the alerts of all tenants. */
  tenantId: id.optional(),
  tenantName: z.string().optional(),
  name: z.string(),
  kind,
  severities: z.array(z.enum(SEVERITIES)),
  /** Of mail, or where it is told without what is secret in the address. */
  addresses: z.array(z.string()),
  /** Only then; absent: always. */
  hours: hours.optional(),
  /** How often again while an alert is raised and nobody has acknowledged it; absent: never. */
  remindMinutes: remindMinutes.optional(),
  isOn: z.boolean(),
  /** Rises with each change. */
  revision: z.number().int(),
  createdBy: z.string(),
  createdAt: time,
  /** The newest attempt, and since when none was taken. */
  last: z.object({ at: time, isTaken: z.boolean(), answer: z.string(), failingSince: time.optional() }).optional(),
});
export type Receiver = z.infer<typeof receiver>;

export const listReceivers = defineRoute({
  method: 'GET',
  path: '/receivers',
  action: 'receivers.read',
  summary: 'Who alerts are told to',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(receiver),
});
export const createReceiver = defineRoute({
  method: 'POST',
  path: '/receivers',
  action: 'receivers.write',
  summary: 'Adds a receiver; without a tenant it is told of the alerts of all',
  body: z.strictObject({
    tenantId: id.optional(),
    name,
    kind,
    severities,
    /** Of mail. */
    addresses: addresses.optional(),
    url,
    key,
    hours: hours.optional(),
    remindMinutes: remindMinutes.optional(),
    isOn: z.boolean().default(true),
  }),
  status: 201,
  /** `secret`: made for it, to verify by who calls; it is shown this once. */
  response: receiver.extend({ secret: z.string().optional() }),
});
export const updateReceiver = defineRoute({
  method: 'PATCH',
  path: '/receivers/{id}',
  action: 'receivers.write',
  summary: 'Changes a receiver; `revision` is the one that was seen',
  params: idParams,
  body: z.strictObject({
    revision: count32,
    name: name.optional(),
    severities: severities.optional(),
    addresses: addresses.optional(),
    url,
    key,
    hours: hours.nullish(),
    remindMinutes: remindMinutes.nullish(),
    isOn: z.boolean().optional(),
  }),
  status: 200,
  response: receiver,
});
export const deleteReceiver = defineRoute({
  method: 'DELETE',
  path: '/receivers/{id}',
  action: 'receivers.write',
  summary: 'Removes a receiver; what was told stays in the log',
  params: idParams,
  status: 204,
});
export const testReceiver = defineRoute({
  method: 'POST',
  path: '/receivers/{id}:test',
  action: 'receivers.write',
  summary: 'Sends a test now, of mail to its first address,, and says what was answered',
  params: idParams,
  status: 200,
  response: z.object({ isTaken: z.boolean(), answer: z.string() }),
});

export const delivery = z.object({
  id,
  alertId: id.optional(),
  /** What it is about, in one line. */
  title: z.string(),
  /** `reminder`: it is still raised, and nobody has acknowledged it. */
  reason: z.enum(['raised', 'reminder', 'cleared']),
  receiverId: id.optional(),
  receiverName: z.string(),
  kind,
  address: z.string(),
  state: z.enum(DELIVERY_STATES),
  attempts: z.number().int(),
  queuedAt: time,
  sentAt: time.optional(),
  nextAttemptAt: time.optional(),
  /** What was answered last, or why nothing was sent. */
  answer: z.string().optional(),
});
export type Delivery = z.infer<typeof delivery>;
export const listDeliveries = defineRoute({
  method: 'GET',
  path: '/deliveries',
  action: 'receivers.read',
  summary: 'What was told to whom, newest first, with each answer',
  query: pageQuery.extend({ tenant: id.optional(), alert: id.optional(), receiver: id.optional() }),
  status: 200,
  response: page(delivery),
});
export const retryDelivery = defineRoute({
  method: 'POST',
  path: '/deliveries/{id}:retry',
  action: 'receivers.write',
  summary: 'Tries one again that was not taken',
  params: idParams,
  status: 200,
  response: delivery,
});
