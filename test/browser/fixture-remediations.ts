import type { z } from 'zod';
import { LIBRARY } from '../../controller/remediations/library.ts';
import { checkDocument } from '../../controller/remediations/check-document.ts';
import { nextTimes } from '../../controller/remediations/schedule.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import type { FlowRow } from '../../proto/http/flows.ts';
import type { checkRemediation, Remediation, RemediationRun } from '../../proto/http/remediations.ts';
import { routes } from '../../proto/http/routes.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Ask } from './fixture-api.ts';
import { id } from './fixture-fleet.ts';

const ago = (nowMs: number, seconds: number) => new Date(nowMs - seconds * 1000).toISOString();

/** Three remediations from the library, one of each mode, and runs in every state, one of them reported late. */
export function fixtureRemediations(nowMs: number, gateways: Gateway[]): { items: Remediation[]; runs: RemediationRun[] } {
  const made = (number: number, key: string, over: Partial<Remediation>, mode: 'observe' | 'suggest' | 'auto'): Remediation => ({
    id: id(4, number),
    revision: 3,
    document: { ...LIBRARY.find((one) => one.key === key)!.document, mode },
    isEnabled: true,
    builtIn: key,
    createdBy: 'night desk',
    createdAt: ago(nowMs, 9e5),
    updatedAt: ago(nowMs, 4e4),
    runs30Days: 0,
    flowsEnded30Days: 0,
    ...over,
  });
  const items = [
    made(1, 'wan-down', { runs30Days: 4, flowsEnded30Days: 1312, lastRun: { at: ago(nowMs, 700), state: 'done' } }, 'auto'),
    made(
      2,
      'stuck-gre-esp',
      {
        tenantId: id(1, 2),
        tenantName: 'Pine Logistics',
        runs30Days: 2,
        nextRunAt: new Date(nextTimes('30 2 * * *', 'Europe/Rome', nowMs, 1)[0]!.atMs).toISOString(),
        lastRun: { at: ago(nowMs, 86_000), state: 'observed' },
      },
      'observe',
    ),
    made(3, 'compromised-host', { isEnabled: false, hookPath: `/api/v1/hooks/${id(4, 3)}` }, 'suggest'),
  ];
  const run = (
    number: number,
    of: Remediation,
    state: RemediationRun['state'],
    secondsAgo: number,
    matched: number,
    ended: number,
    over: Partial<RemediationRun> = {},
  ): RemediationRun => ({
    id: id(4, 100 + number),
    remediationId: of.id,
    remediationName: of.document.name,
    revision: of.revision,
    gatewayId: gateways[0]!.id,
    gatewayName: gateways[0]!.name,
    tenantId: gateways[0]!.tenantId,
    state,
    trigger: 'WAN1 went down',
    wan: 'WAN1',
    triggeredAt: ago(nowMs, secondsAgo),
    startedAt: ago(nowMs, secondsAgo - 0.4),
    finishedAt: ago(nowMs, secondsAgo - 1.1),
    reportedAt: ago(nowMs, secondsAgo - 1.3),
    matched,
    ended,
    filter: 'stale:yes wan:"WAN1"',
    method: 'delete',
    ...over,
  });
  const runs = [
    run(1, items[0]!, 'done', 700, 312, 312, { reportedAt: ago(nowMs, 400) }),
    run(2, items[0]!, 'refused', 9000, 120_000, 0, {
      startedAt: undefined,
      finishedAt: undefined,
      reason: '120,000 matches, more than the limit of 100,000',
    }),
    run(3, items[0]!, 'failed', 30_000, 40, 12, { reason: 'the table did not answer' }),
    run(4, items[1]!, 'observed', 86_000, 7, 0, {
      trigger: '02:30 in Europe/Rome',
      wan: undefined,
      gatewayId: undefined,
      gatewayName: undefined,
      filter: items[1]!.document.filter,
    }),
    run(5, items[0]!, 'done', 400_000, 1000, 1000),
    run(6, items[0]!, 'suggested', 500_000, 25, 0),
    run(7, items[0]!, 'indeterminate', 600_000, 18, 0),
  ];
  return { items, runs };
}

type Answers = Partial<Record<keyof typeof routes, (ask: Ask) => unknown>>;

/** The routes of remediations over the fixture; documents are checked by the controller's own pure code. */
export function remediationAnswers(
  state: ReturnType<typeof fixtureRemediations>,
  page: <T>(items: T[], query: Record<string, unknown>) => { items: T[] },
  someFlows: (most: number) => FlowRow[],
): Answers {
  const find = <T extends { id: string }>(all: T[], wanted: string | undefined): T => {
    const found = all.find((one) => one.id === wanted);
    if (!found) throw new FleetError('NOT_FOUND', 'There is no such remediation.');
    return found;
  };
  return {
    listRemediations: ({ query }) => page(state.items, query),
    listBuiltInRemediations: () => ({ items: LIBRARY }),
    getRemediation: ({ params }) => find(state.items, params.id),
    createRemediation({ body }) {
      const { tenantId, document, isEnabled, builtIn } = routes.createRemediation.body.parse(body);
      const now = new Date().toISOString();
      const made: Remediation = {
        id: id(4, state.items.length + 10),
        ...(tenantId && { tenantId }),
        revision: 1,
        document,
        isEnabled,
        builtIn,
        createdBy: 'night desk',
        createdAt: now,
        updatedAt: now,
        runs30Days: 0,
        flowsEnded30Days: 0,
      };
      state.items.push(made);
      return {
        ...made,
        ...(document.trigger.kind === 'webhook' && { hookSecret: 'whsec_Zml4dHVyZQ==', hookPath: `/api/v1/hooks/${made.id}` }),
      };
    },
    updateRemediation({ params, body }) {
      const one = find(state.items, params.id);
      const { revision, document, isEnabled } = routes.updateRemediation.body.parse(body);
      if (revision !== one.revision)
        throw new FleetError(
          'ALREADY_EXISTS',
          `This remediation has been changed since: it is at revision ${one.revision}. Review it again.`,
        );
      return Object.assign(one, {
        revision: one.revision + 1,
        ...(document && { document }),
        ...(isEnabled !== undefined && { isEnabled }),
        ...(isEnabled && { heldBack: undefined }),
      });
    },
    approveRemediation({ params, body }) {
      const one = find(state.items, params.id);
      const { revision } = routes.approveRemediation.body.parse(body);
      if (revision !== one.revision)
        throw new FleetError(
          'ALREADY_EXISTS',
          `This remediation has been changed since: it is at revision ${one.revision}. Review it again.`,
        );
      return Object.assign(one, { approval: { state: 'given', byName: 'day desk', at: new Date().toISOString() } });
    },
    deleteRemediation: ({ params }) => {
      state.items.splice(state.items.indexOf(find(state.items, params.id)), 1);
    },
    checkRemediation({ body }) {
      const { document } = routes.checkRemediation.body.parse(body);
      const { trigger } = document;
      const problems = checkDocument(document);
      const answer: z.output<typeof checkRemediation.response> = {
        problems,
        gateways: 20,
        nextRuns: [],
        wouldHaveFired: [],
        ...(document.mode === 'auto' && { secondPerson: 'it acts in several tenants' }),
        ...(document.filter.includes('$')
          ? { forecastNote: 'History does not store WAN states. Let it observe for a few days.' }
          : { matchesNow: 20 }),
      };
      if (trigger.kind === 'schedule' && problems.length === 0) {
        answer.nextRuns = ['Europe/Rome', 'Europe/Lisbon'].map((timeZone, index) => ({
          timeZone,
          sites: index === 0 ? ['Milano', 'Genova'] : ['Porto'],
          times: nextTimes(trigger.cron, timeZone, Date.now(), 5).map(({ atMs, ...time }) => ({
            at: new Date(atMs).toISOString(),
            ...time,
          })),
        }));
      }
      return answer;
    },
    runRemediation({ params }) {
      const one = find(state.items, params.id);
      const now = new Date().toISOString();
      const run: RemediationRun = {
        id: id(4, 200 + state.runs.length),
        remediationId: one.id,
        remediationName: one.document.name,
        revision: one.revision,
        state: 'observed',
        trigger: 'by hand, by night desk',
        triggeredAt: now,
        startedAt: now,
        finishedAt: now,
        reportedAt: now,
        matched: 7,
        ended: 0,
        filter: one.document.filter,
        method: one.document.method,
      };
      state.runs.unshift(run);
      return { runId: run.id };
    },
    listRemediationRuns: ({ query }) =>
      page(
        state.runs.filter(
          (run) =>
            (!query.remediation || run.remediationId === query.remediation) &&
            (!query.tenant || run.tenantId === query.tenant) &&
            (!query.gateway || run.gatewayId === query.gateway),
        ),
        query,
      ),
    getRemediationRun: ({ params }) => find(state.runs, params.id),
    listRemediationRunFlows: () => ({
      items: someFlows(20).map((flow, index) => ({ ...flow, sweep: index < 15 ? 1 : 2, outcome: index === 3 ? 'gone' : 'deleted' })),
    }),
  };
}
