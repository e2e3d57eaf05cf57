import { z } from 'zod';
import { textProblem } from '../model/text.ts';
import { count32, id, idParams, page, pageQuery, time } from './common.ts';
import { flow } from './flows.ts';
import { listPlanFlows } from './plans.ts';
import { remediationDocument } from './remediation-document.ts';
import { defineRoute } from './route.ts';
import { cameBack } from './wan-events.ts';

/** The next times of a schedule in one zone. */
export const nextRuns = z.object({
  timeZone: z.string(),
  sites: z.array(z.string()),
  times: z.array(
    z.object({
      at: time,
      local: z.string(),
      /** Why a time differs from what a wall clock would suggest. */ note: z.string().optional(),
    }),
  ),
});

export const remediation = z.object({
  id,
  /** Absent: of all tenants. */
  tenantId: id.optional(),
  tenantName: z.string().optional(),
  /** Rises with each change. */
  revision: z.number().int(),
  document: remediationDocument,
  isEnabled: z.boolean(),
  /** Name of the built-in remediation it was made from. */
  builtIn: z.string().optional(),
  createdBy: z.string(),
  createdAt: time,
  updatedAt: time,
  lastRun: z.object({ at: time, state: z.string() }).optional(),
  runs30Days: z.number().int(),
  flowsEnded30Days: z.number().int(),
  nextRunAt: time.optional(),
  /** Whether somebody other than its author must approve it before it acts by itself; until then it only suggests. */
  approval: z
    .object({
      state: z.enum(['needed', 'given', 'not-needed']),
      byName: z.string().optional(),
      at: time.optional(),
      /** What exceeds the limits of one person. */
      why: z.string().optional(),
    })
    .optional(),
  /** A rule stopped it from acting: it only suggests until somebody enables it again. */
  heldBack: z.object({ at: time, why: z.string() }).optional(),
  /** Path of a webhook trigger; its secret is shown once, when created. */
  hookPath: z.string().optional(),
});
export type Remediation = z.infer<typeof remediation>;

export const remediationRun = z.object({
  id,
  remediationId: id,
  remediationName: z.string(),
  revision: z.number().int(),
  /** Absent for a run that spans gateways: its flush names them. */
  gatewayId: id.optional(),
  gatewayName: z.string().optional(),
  tenantId: id.optional(),
  /** `observed`, `suggested` and `refused` touched nothing. */
  state: z.enum(['observed', 'suggested', 'refused', 'running', 'done', 'failed', 'indeterminate']),
  trigger: z.string(),
  wan: z.string().optional(),
  triggeredAt: time,
  startedAt: time.optional(),
  finishedAt: time.optional(),
  /** Later than its end if the gateway could not reach the controller. */
  reportedAt: time,
  reason: z.string().optional(),
  matched: z.number().int(),
  ended: z.number().int(),
  filter: z.string(),
  method: z.string(),
  flushId: id.optional(),
  /** What became of the flows that it ended on its gateway, a minute later. */
  cameBack: cameBack.optional(),
  /** The WAN event that it was about. */
  wanEventId: id.optional(),
});
export type RemediationRun = z.infer<typeof remediationRun>;

/** A document as written by a caller. Saved documents are parsed without this, so that an old name never hides a row. */
const writtenDocument = remediationDocument.superRefine((document, context) => {
  const problems = {
    name: textProblem(document.name),
    description: document.description === '' ? undefined : textProblem(document.description, { hasLines: true }),
  };
  for (const [field, message] of Object.entries(problems))
    if (message !== undefined) context.addIssue({ code: 'custom', path: [field], message });
});
const saved = z.strictObject({
  tenantId: id.optional(),
  document: writtenDocument,
  isEnabled: z.boolean().default(true),
  builtIn: z.string().max(50).optional(),
});

export const listRemediations = defineRoute({
  method: 'GET',
  path: '/remediations',
  action: 'remediations.read',
  summary: 'All remediations',
  query: pageQuery,
  status: 200,
  response: page(remediation),
});
export const listBuiltInRemediations = defineRoute({
  method: 'GET',
  path: '/built-in-remediations',
  action: 'remediations.read',
  summary: 'The library to start from',
  status: 200,
  response: z.object({ items: z.array(z.object({ key: z.string(), document: remediationDocument, explains: z.string() })) }),
});
export const getRemediation = defineRoute({
  method: 'GET',
  path: '/remediations/{id}',
  action: 'remediations.read',
  summary: 'One remediation',
  params: idParams,
  status: 200,
  response: remediation,
});
export const createRemediation = defineRoute({
  method: 'POST',
  path: '/remediations',
  action: 'remediations.write',
  summary: 'Saves a remediation; a webhook secret is shown only here',
  body: saved,
  status: 201,
  response: remediation.extend({ hookSecret: z.string().optional() }),
});
export const updateRemediation = defineRoute({
  method: 'PATCH',
  path: '/remediations/{id}',
  action: 'remediations.write',
  summary: 'Changes a remediation; `revision` is the one that was seen. `isEnabled: true` lets a held-back remediation act again',
  params: idParams,
  body: z.strictObject({ revision: count32, document: writtenDocument.optional(), isEnabled: z.boolean().optional() }),
  status: 200,
  response: remediation,
});
export const approveRemediation = defineRoute({
  method: 'POST',
  path: '/remediations/{id}:approve',
  action: 'plans.approve',
  needsProof: true,
  summary: 'Approves a revision that somebody else saved, so that it acts by itself; not by an API token',
  params: idParams,
  body: z.strictObject({ revision: count32 }),
  status: 200,
  response: remediation,
});
export const deleteRemediation = defineRoute({
  method: 'DELETE',
  path: '/remediations/{id}',
  action: 'remediations.write',
  summary: 'Deletes a remediation; its runs stay',
  params: idParams,
  status: 204,
});
export const checkRemediation = defineRoute({
  method: 'POST',
  path: '/remediations:check',
  action: 'remediations.read',
  isSafe: true,
  summary:
    'What a document would do: problems by path, gateways in scope, next runs, matches now, and when it would have fired in the last 30 days',
  body: saved,
  status: 200,
  response: z.object({
    problems: z.array(z.object({ path: z.string(), message: z.string() })),
    gateways: z.number().int(),
    /** Why it would need a second person before it acts; absent if it would not. */
    secondPerson: z.string().optional(),
    nextRuns: z.array(nextRuns),
    matchesNow: z.number().int().optional(),
    wouldHaveFired: z.array(z.object({ at: time, gatewayName: z.string(), trigger: z.string() })),
    /** Why history cannot tell. */
    forecastNote: z.string().optional(),
  }),
});
export const runRemediation = defineRoute({
  method: 'POST',
  path: '/remediations/{id}:run',
  action: 'remediations.run',
  summary: 'Runs a remediation now, by its own mode and limits',
  params: idParams,
  status: 202,
  response: z.object({ runId: id }),
});
export const listRemediationRuns = defineRoute({
  method: 'GET',
  path: '/remediation-runs',
  action: 'remediations.read',
  summary: 'Runs, newest first',
  query: pageQuery.extend({ remediation: id.optional(), tenant: id.optional(), gateway: id.optional() }),
  status: 200,
  response: page(remediationRun),
});
export const getRemediationRun = defineRoute({
  method: 'GET',
  path: '/remediation-runs/{id}',
  action: 'remediations.read',
  summary: 'One run',
  params: idParams,
  status: 200,
  response: remediationRun,
});
/** One page per part reported by the gateway. */
export const listRemediationRunFlows = defineRoute({
  method: 'GET',
  path: '/remediation-runs/{id}/flows',
  action: 'plans.read',
  summary: 'Every flow of a run on a gateway, sweep by sweep, with its outcome',
  params: idParams,
  query: z.object({ cursor: z.string().max(20_000).optional() }),
  status: 200,
  response: page(flow.extend({ sweep: z.number().int(), outcome: listPlanFlows.response.shape.items.element.shape.outcome })).extend({
    droppedAt: time.optional(),
  }),
});
