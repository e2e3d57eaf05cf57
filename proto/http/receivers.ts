import { z } from 'zod';
import { ALERT_KINDS, SEVERITIES } from '../model/alerts/kinds.ts';
import { count32, id, idParams, name, page, pageQuery, time } from './common.ts';
import { defineRoute } from './route.ts';

export const RECEIVER_KINDS = ['email', 'webhook', 'slack', 'teams', 'pagerduty', 'alertmanager', 'ntfy', 'apprise'] as const;
export type ReceiverKind = (typeof RECEIVER_KINDS)[number];

const url = z.url({ protocol: /^https?$/ }).max(2000);
const secret = z.string().min(1).max(1000);
/** Secrets are written and never shown; left out of a change they stay. */
const settings = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('email'), to: z.array(z.email()).min(1).max(20) }),
  /** Signed by Standard Webhooks; the secret is made by the controller and shown once. */
  z.strictObject({ kind: z.literal('webhook'), url }),
  z.strictObject({ kind: z.literal('slack'), url: url.optional() }),
  z.strictObject({ kind: z.literal('teams'), url: url.optional() }),
  z.strictObject({ kind: z.literal('pagerduty'), routingKey: secret.optional(), url: url.optional() }),
  z.strictObject({ kind: z.literal('alertmanager'), url, user: z.string().max(200).optional(), password: secret.optional() }),
  z.strictObject({ kind: z.literal('ntfy'), url, topic: z.string().min(1).max(100), token: secret.optional() }),
  z.strictObject({ kind: z.literal('apprise'), url, urls: secret.optional(), tag: z.string().max(100).optional() }),
]);

export const receiver = z.object({
  id,
  /** Absent: of the installation. */
  tenantId: id.optional(),
  tenantName: z.string().optional(),
  name: z.string(),
  kind: z.enum(RECEIVER_KINDS),
  /** Without secrets: an address, a host, a topic. */
  goesTo: z.string(),
  isOn: z.boolean(),
  revision: z.number().int(),
  createdBy: z.string(),
  createdAt: time,
  /** The last attempt, and since when it fails. */
  last: z.object({ at: time, isTaken: z.boolean(), answer: z.string(), failingSince: time.optional() }).optional(),
});
export type Receiver = z.infer<typeof receiver>;

export const listReceivers = defineRoute({
  method: 'GET',
  path: '/receivers',
  action: 'receivers.read',
  summary: 'Who alerts are told to; secrets are never shown',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(receiver),
});
export const createReceiver = defineRoute({
  method: 'POST',
  path: '/receivers',
  action: 'receivers.write',
  summary: 'Adds a receiver; the secret that signs webhooks is shown only here',
  body: z.strictObject({ tenantId: id.optional(), name, settings, isOn: z.boolean().default(true) }),
  status: 201,
  response: receiver.extend({ signingSecret: z.string().optional() }),
});
export const updateReceiver = defineRoute({
  method: 'PATCH',
  path: '/receivers/{id}',
  action: 'receivers.write',
  summary: 'Changes a receiver; `revision` is the one that was seen, secrets that are left out stay',
  params: idParams,
  body: z.strictObject({ revision: count32, name: name.optional(), settings: settings.optional(), isOn: z.boolean().optional() }),
  status: 200,
  response: receiver,
});
export const deleteReceiver = defineRoute({
  method: 'DELETE',
  path: '/receivers/{id}',
  action: 'receivers.write',
  summary: 'Removes a receiver; what was delivered stays in the log',
  params: idParams,
  status: 204,
});
export const testReceiver = defineRoute({
  method: 'POST',
  path: '/receivers/{id}:test',
  action: 'receivers.write',
  summary: 'Sends a test message now, and says what the receiver answered',
  params: idParams,
  status: 200,
  response: z.object({ isTaken: z.boolean(), answer: z.string() }),
});

const days = z
  .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
  .min(1)
  .max(7);
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 08:30');
const route = z.strictObject({
  tenantId: id.optional(),
  name,
  /** Routes are tried in this order; the first that matches is used, and also later ones if it says so. */
  position: z.number().int().min(0).max(1000),
  goesOn: z.boolean().default(false),
  severities: z.array(z.enum(SEVERITIES)).min(1).max(SEVERITIES.length),
  /** Absent: all. */
  kinds: z.array(z.enum(ALERT_KINDS)).min(1).max(ALERT_KINDS.length).optional(),
  siteIds: z.array(id).min(1).max(100).optional(),
  tag: z.string().max(100).optional(),
  /** Absent: always. An IANA zone, or that of the alert's site. Until before from is over midnight. */
  hours: z.strictObject({ days, from: clock, until: clock, timeZone: z.string().max(64).default('site') }).optional(),
  receiverIds: z.array(id).max(20),
  /** Mail to who is on call then. */
  onCallListId: id.optional(),
  /** Repeats what is raised and not acknowledged; absent: never. */
  remindMinutes: z
    .number()
    .int()
    .min(5)
    .max(24 * 60)
    .optional(),
  /** More are gathered into one message. */
  maxPerHour: z.number().int().min(1).max(1000).default(60),
});
export const alertRoute = route.extend({ id });
export type AlertRoute = z.infer<typeof alertRoute>;
export const listAlertRoutes = defineRoute({
  method: 'GET',
  path: '/alert-routes',
  action: 'receivers.read',
  summary: 'Which alerts are told to whom, in order',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(alertRoute),
});
export const createAlertRoute = defineRoute({
  method: 'POST',
  path: '/alert-routes',
  action: 'receivers.write',
  summary: 'Adds a route',
  body: route,
  status: 201,
  response: alertRoute,
});
export const updateAlertRoute = defineRoute({
  method: 'PATCH',
  path: '/alert-routes/{id}',
  action: 'receivers.write',
  summary: 'Replaces a route',
  params: idParams,
  body: route,
  status: 200,
  response: alertRoute,
});
export const deleteAlertRoute = defineRoute({
  method: 'DELETE',
  path: '/alert-routes/{id}',
  action: 'receivers.write',
  summary: 'Removes a route',
  params: idParams,
  status: 204,
});

/** People who take turns. */
const onCall = z.strictObject({
  tenantId: id.optional(),
  name,
  personIds: z.array(id).min(1).max(50),
  startsAt: time,
  everyHours: z
    .number()
    .int()
    .min(1)
    .max(24 * 28),
});
export const onCallList = onCall.extend({
  id,
  people: z.array(z.object({ id, name: z.string() })),
  now: z.object({ id, name: z.string(), until: time }).optional(),
});
export type OnCallList = z.infer<typeof onCallList>;
export const listOnCallLists = defineRoute({
  method: 'GET',
  path: '/on-call-lists',
  action: 'receivers.read',
  summary: 'People who take turns, and who it is now',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(onCallList),
});
export const createOnCallList = defineRoute({
  method: 'POST',
  path: '/on-call-lists',
  action: 'receivers.write',
  summary: 'Adds a list of people who take turns',
  body: onCall,
  status: 201,
  response: onCallList,
});
export const deleteOnCallList = defineRoute({
  method: 'DELETE',
  path: '/on-call-lists/{id}',
  action: 'receivers.write',
  summary: 'Removes a list; routes that use it tell their receivers only',
  params: idParams,
  status: 204,
});

export const delivery = z.object({
  id,
  alertId: id.optional(),
  /** What it is about, in one line. */
  title: z.string(),
  /** Why: a transition of the alert, a reminder, a test, or several in one. */
  reason: z.string(),
  receiverId: id.optional(),
  receiverName: z.string(),
  kind: z.enum(RECEIVER_KINDS),
  state: z.enum(['queued', 'sent', 'retrying', 'failed', 'left-out']),
  attempts: z.number().int(),
  queuedAt: time,
  sentAt: time.optional(),
  nextAttemptAt: time.optional(),
  /** What the receiver answered last, or why nothing was sent. */
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
  summary: 'Sends it again now',
  params: idParams,
  status: 202,
  response: delivery,
});
