import { z } from 'zod';
import { ALERT_CAUSES, ALERT_KINDS, ALERT_STATES, SEVERITIES, TRANSITIONS } from '../model/alerts/kinds.ts';
import { NUMBER_NAMES } from '../model/measures.ts';
import { askedTime, forPeople, id, idParams, page, pageQuery, time } from './common.ts';
import { defineRoute } from './route.ts';

const note = forPeople(z.string().trim().min(1).max(2000), { hasLines: true });

/** What helps: ending flows, with how many there are to be asked for, or a page where it is done. */
export const alertFix = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('flush'), filter: z.string(), gatewayIds: z.array(id), words: z.string() }),
  z.object({ kind: z.literal('page'), path: z.string(), words: z.string() }),
]);
export type AlertFix = z.infer<typeof alertFix>;

/** One occurrence of what a rule describes: raised once, cleared once. */
export const alert = z.object({
  id,
  /** Absent: of the installation. */
  tenantId: id.optional(),
  tenantName: z.string().optional(),
  siteId: id.optional(),
  siteName: z.string().optional(),
  gatewayId: id.optional(),
  gatewayName: z.string().optional(),
  /** The name of its rule, as rules are named in documents. */
  rule: z.string(),
  kind: z.enum(ALERT_KINDS),
  severity: z.enum(SEVERITIES),
  state: z.enum(ALERT_STATES),
  /** The same thing has the same fingerprint each time it happens. */
  fingerprint: z.string(),
  /** One line: conntrack table of gw-milano is 91 % full. */
  title: z.string(),
  cause: z.enum(ALERT_CAUSES).optional(),
  /** The likely cause in words, with numbers and units. */
  likely: z.string().optional(),
  /** What was judged last, and what it was compared with, in the unit of its kind. */
  value: z.number().optional(),
  limit: z.number().optional(),
  pendingSince: time,
  raisedAt: time.optional(),
  clearedAt: time.optional(),
  changedAt: time,
  acknowledged: z.object({ byName: z.string(), at: time }).optional(),
  assignedTo: z.object({ id, name: z.string() }).optional(),
  silenced: z.object({ until: time, byName: z.string(), reason: z.string() }).optional(),
  /** The alert of which this one is a part: it is not told by itself. */
  parentId: id.optional(),
  children: z.number().int(),
  wanEventId: id.optional(),
  remediationId: id.optional(),
  /** What to draw: measures of its gateway within these times. */
  evidence: z.object({ measures: z.array(z.enum(NUMBER_NAMES as [string, ...string[]])), from: time, to: time }).optional(),
  fix: alertFix.optional(),
});
export type Alert = z.infer<typeof alert>;

export const alertTransition = z.object({
  id,
  transition: z.enum(TRANSITIONS),
  at: time,
  /** Absent for what the judge decided. */
  byName: z.string().optional(),
  note: z.string().optional(),
});
export type AlertTransition = z.infer<typeof alertTransition>;

export const listAlerts = defineRoute({
  method: 'GET',
  path: '/alerts',
  action: 'alerts.read',
  summary: 'Alerts, open ones first and then the newest; children come with their parents only',
  query: pageQuery.extend({
    tenant: id.optional(),
    site: id.optional(),
    gateway: id.optional(),
    parent: id.optional(),
    state: z.enum([...ALERT_STATES, 'open']).optional(),
    severity: z.enum(SEVERITIES).optional(),
    kind: z.enum(ALERT_KINDS).optional(),
    from: askedTime.optional(),
    to: askedTime.optional(),
  }),
  status: 200,
  response: page(alert).extend({
    /** Open alerts within the caller's tenants, by severity, whatever is asked for. */
    open: z.object({ info: z.number().int(), warning: z.number().int(), critical: z.number().int() }),
    /** Of the last one, for *quiet for 3 d 4 h*. */
    lastClearedAt: time.optional(),
  }),
});
export const getAlert = defineRoute({
  method: 'GET',
  path: '/alerts/{id}',
  action: 'alerts.read',
  summary: 'One alert with what happened to it and its children',
  params: idParams,
  status: 200,
  response: alert.extend({ transitions: z.array(alertTransition), childAlerts: z.array(alert) }),
});
export const acknowledgeAlert = defineRoute({
  method: 'POST',
  path: '/alerts/{id}:acknowledge',
  action: 'alerts.handle',
  summary: 'Says that somebody looks after it: it is no longer repeated',
  params: idParams,
  body: z.strictObject({ note: note.optional() }),
  status: 200,
  response: alert,
});
export const assignAlert = defineRoute({
  method: 'POST',
  path: '/alerts/{id}:assign',
  action: 'alerts.handle',
  summary: 'Gives it to a person of its tenant, or to nobody',
  params: idParams,
  body: z.strictObject({ personId: id.nullable() }),
  status: 200,
  response: alert,
});
export const noteAlert = defineRoute({
  method: 'POST',
  path: '/alerts/{id}:note',
  action: 'alerts.handle',
  summary: 'Adds a note',
  params: idParams,
  body: z.strictObject({ note }),
  status: 200,
  response: alert,
});
export const silenceAlert = defineRoute({
  method: 'POST',
  path: '/alerts/{id}:silence',
  action: 'alerts.handle',
  summary: 'Tells nobody about it until then, at most 30 days; `until: null` ends that',
  params: idParams,
  body: z.strictObject({ until: askedTime.nullable(), reason: note.optional() }),
  status: 200,
  response: alert,
});
