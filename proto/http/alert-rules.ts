import { z } from 'zod';
import { ALERT_KINDS, SEVERITIES } from '../model/alerts/kinds.ts';
import { LEVELS } from '../model/policy/effective.ts';
import { askedTime, count32, id, idParams, name, page, pageQuery, policyProblem, time } from './common.ts';
import { documentText, policyTarget, shownTarget } from './saved-policies.ts';
import { defineRoute } from './route.ts';

/** The values of one rule that hold somewhere, and where each comes from. */
export const effectiveAlertRule = z.object({
  name: z.string(),
  kind: z.enum(ALERT_KINDS),
  isOn: z.boolean(),
  severity: z.enum(SEVERITIES),
  /** By its place in a rule: `raise`, `clear`, `for`, `clearFor`, `measure`. */
  values: z.record(z.string(), z.union([z.number(), z.string()])),
  /** By the same places, and `isOn`, `severity`: the level and the name of the document; `default` is built in. */
  origins: z.record(
    z.string(),
    z.object({ level: z.enum([...LEVELS, 'default']), document: z.string().optional(), documentId: id.optional() }),
  ),
});
export type EffectiveAlertRule = z.infer<typeof effectiveAlertRule>;

/** A document of rules; the word of the API is alert rules. */
export const alertRules = z.object({
  id,
  tenantId: id.optional(),
  tenantName: z.string().optional(),
  name: z.string(),
  target: shownTarget,
  revision: z.number().int(),
  /** Canonical YAML. */
  document: z.string(),
  changedBy: z.string(),
  changedAt: time,
  gateways: z.number().int(),
});
export type AlertRules = z.infer<typeof alertRules>;

const saved = z.strictObject({ tenantId: id.optional(), target: policyTarget, document: documentText });

export const listAlertRules = defineRoute({
  method: 'GET',
  path: '/alert-rules',
  action: 'alert-rules.read',
  summary: 'Documents of alert rules, and the rules that are built in',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(alertRules).extend({ builtIn: z.array(effectiveAlertRule), presets: z.array(z.object({ name, document: z.string() })) }),
});
export const createAlertRules = defineRoute({
  method: 'POST',
  path: '/alert-rules',
  action: 'alert-rules.write',
  summary: 'Saves a document; one with mistakes is refused with the place of each',
  body: saved,
  status: 201,
  response: alertRules,
});
export const getAlertRules = defineRoute({
  method: 'GET',
  path: '/alert-rules/{id}',
  action: 'alert-rules.read',
  summary: 'One document of alert rules',
  params: idParams,
  status: 200,
  response: alertRules,
});
export const updateAlertRules = defineRoute({
  method: 'PATCH',
  path: '/alert-rules/{id}',
  action: 'alert-rules.write',
  summary: 'Changes a document; `revision` is the one that was seen',
  params: idParams,
  body: z.strictObject({ revision: count32, document: documentText.optional(), target: policyTarget.optional() }),
  status: 200,
  response: alertRules,
});
export const deleteAlertRules = defineRoute({
  method: 'DELETE',
  path: '/alert-rules/{id}',
  action: 'alert-rules.write',
  summary: 'Deletes a document; its alerts are cleared',
  params: idParams,
  status: 204,
});
export const checkAlertRules = defineRoute({
  method: 'POST',
  path: '/alert-rules:check',
  action: 'alert-rules.read',
  isSafe: true,
  summary: 'Reads a document and says how often its rules would have fired in the last 30 days, by stored samples; nothing is saved',
  body: saved.partial({ target: true }),
  status: 200,
  response: z.object({
    problems: z.array(policyProblem),
    canonical: z.string().optional(),
    gateways: z.number().int(),
    /** By rule: how often, and the last times, newest first, 50 at most. */
    wouldHaveFired: z.array(
      z.object({
        rule: z.string(),
        times: z.number().int(),
        gateways: z.number().int(),
        last: z.array(z.object({ gatewayName: z.string(), raisedAt: time, clearedAt: time.optional() })),
      }),
    ),
    /** What history cannot tell, and why. */
    notes: z.array(z.string()),
  }),
});
export const getGatewayAlertRules = defineRoute({
  method: 'GET',
  path: '/gateways/{id}/alert-rules',
  action: 'alert-rules.read',
  summary: 'The rules that hold for a gateway, and where each value comes from',
  params: idParams,
  status: 200,
  response: z.object({ items: z.array(effectiveAlertRule) }),
});

/** A time in which alerts are not told: maintenance. */
const window = z.strictObject({
  name,
  tenantId: id.optional(),
  target: policyTarget,
  /** Once, or by a cron expression of five fields. */
  when: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('once'), from: askedTime, to: askedTime }),
    z.strictObject({
      kind: z.literal('cron'),
      cron: z.string().min(9).max(100),
      minutes: z
        .number()
        .int()
        .min(1)
        .max(7 * 24 * 60),
    }),
  ]),
  /** An IANA zone, or that of each site. */
  timeZone: z.string().min(1).max(64).default('site'),
});
export const maintenanceWindow = window.extend({
  id,
  createdBy: z.string(),
  isNow: z.boolean(),
  /** The next beginnings, by zone. */
  next: z.array(z.object({ timeZone: z.string(), at: time, until: time })),
});
export type MaintenanceWindow = z.infer<typeof maintenanceWindow>;
export const listMaintenanceWindows = defineRoute({
  method: 'GET',
  path: '/maintenance-windows',
  action: 'alert-rules.read',
  summary: 'Maintenance windows',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(maintenanceWindow),
});
export const createMaintenanceWindow = defineRoute({
  method: 'POST',
  path: '/maintenance-windows',
  action: 'alert-rules.write',
  summary: 'Plans a window in which alerts of its gateways are not told; they are raised and cleared all the same',
  body: window,
  status: 201,
  response: maintenanceWindow,
});
export const deleteMaintenanceWindow = defineRoute({
  method: 'DELETE',
  path: '/maintenance-windows/{id}',
  action: 'alert-rules.write',
  summary: 'Removes a window',
  params: idParams,
  status: 204,
});
