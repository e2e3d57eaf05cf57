import type { z } from 'zod';
import type { createPlanRequest, Plan } from '../../proto/http/plans.ts';
import type { Scope } from '../../proto/http/scope.ts';
import { count, counted, isCount, short } from './format.ts';
import type { StateKind } from './state-kind.ts';
import { blockWords, numberToConfirm, refusesNewFlows } from './block-words.ts';
import { methodOf } from './method-words.ts';

/** What an operator asked a plan for: a filter, or everything, on the gateways in scope. */
export interface PlanRequest {
  what: { filter: string } | { all: true };
  scope: Scope;
  /** How many flows the operator saw and means; absent for everything. */
  expected?: number;
  /** How they end, where it is not by deleting, and the seconds of that. */
  method?: Plan['method'];
  forSeconds?: number;
  /** Why, where the place that asked knows it; goes before what is remembered. */
  reason?: string;
  /** True where the filter names flows that were selected one by one. */
  isSelection?: boolean;
}

type PlanGateway = Plan['gateways'][number];

/** "Delete 312 flows on 2 gateways", by the plan's method: the words of title and button alike. */
export function deleteWords({ totals, method = 'delete' }: Pick<Plan, 'totals'> & Partial<Pick<Plan, 'method'>>): string {
  if (method === 'block' && totals.flows === 0) return blockWords({ totals });
  return `${methodOf(method).word} ${counted(totals.flows, 'flow')} on ${counted(totals.gateways, 'gateway')}`;
}

/** Where, for the end of the title: the site if it is one, else how many. */
export function placeWords(plan: Plan, siteName: (id: string) => string | undefined): string {
  const sites = [...new Set(plan.gateways.filter(({ state }) => state === 'ready').map(({ siteId }) => siteId))];
  const name = sites.length === 1 ? siteName(sites[0]!) : undefined;
  return name ? ` at ${name}` : sites.length > 1 ? ` at ${sites.length} sites` : '';
}

/** Gateways as the sheet lists them: left out first, then ready ones by their share, then those without a match. */
export function inOrder(gateways: PlanGateway[]): PlanGateway[] {
  const rank = { 'left-out': 0, ready: 1, empty: 2 };
  return gateways.toSorted((a, b) => rank[a.state] - rank[b.state] || b.flows - a.flows || a.name.localeCompare(b.name));
}

/** What the plan would break, in one or two sentences. What is blocked makes no new entry. */
export function impactWords({ active, idle, unknownActivity, natted, matched }: Plan['impact'], method: Plan['method'] = 'delete'): string {
  if (matched === 0) return method === 'block' ? 'No flow is open now; what comes is refused.' : 'Nothing matches now.';
  const sentences = [
    active > 0
      ? `${counted(active, 'flow')} had a packet in the last 10 seconds and ${active === 1 ? 'is' : 'are'} cut.`
      : idle > 0
        ? 'No flow had a packet in the last 10 seconds.'
        : '',
    unknownActivity > 0
      ? `Of ${count(unknownActivity)} it is not known whether they carry traffic: neither timeouts nor counters tell.`
      : '',
    natted > 0 && method !== 'block'
      ? `${natted === matched ? 'All' : count(natted)} are translated; the next packet makes a new entry by the route and address that hold then.`
      : '',
  ];
  return sentences.filter(Boolean).join(' ');
}

/** True where a flow of the plan may be in use: it had a packet lately, or that is not known. */
export function mayCarryTraffic({ active, unknownActivity }: Plan['impact']): boolean {
  return active > 0 || unknownActivity > 0;
}

/** What ending one flow would break, as the question says it before it is done. */
export function trafficWords({ active, predictions }: Plan['impact']): string {
  const [first] = predictions;
  const traffic = active > 0 ? 'It had a packet in the last 10 seconds.' : 'Whether it carries traffic is not known.';
  return first
    ? `${traffic} ${first.fate === 'unknown' ? 'What will come of it is not known' : `It ${FATES[first.fate].word}`}: ${first.why.replace(/\.$/, '')}.`
    : traffic;
}

/** Why the plan differs from what was seen; undefined if it does not. */
export function differenceWords(expected: number | undefined, plan: Plan): string | undefined {
  if (expected === undefined) return undefined;
  const difference = plan.impact.matched - expected;
  if (difference === 0) return undefined;
  return difference < 0
    ? `You saw ${count(expected)}; ${counted(-difference, 'flow')} ended since${plan.totals.leftOut > 0 ? `, or ${difference === -1 ? 'is' : 'are'} on a gateway that is left out` : ''}.`
    : `You saw ${count(expected)}; ${counted(difference, 'flow')} more ${difference === 1 ? 'matches' : 'match'} now. Look at the exact flows before you go on.`;
}

/** What must hold before the button works. */
export type Obstacle = 'none' | 'expired' | 'run' | 'empty' | 'reason-changed' | 'approval-missing' | 'count-missing';

/** The first thing in the way of running this plan; `typed` is what stands in the number field. */
export function obstacle(
  plan: Plan,
  { nowMs, reason, ticket, typed }: { nowMs: number; reason: string; ticket: string; typed: string },
): Obstacle {
  if (plan.state === 'run') return 'run';
  if (plan.state === 'expired' || nowMs >= Date.parse(plan.expiresAt)) return 'expired';
  if (plan.totals.flows === 0 && !refusesNewFlows(plan)) return 'empty';
  if (reason.trim() !== plan.reason || ticket.trim() !== (plan.ticket ?? '')) return 'reason-changed';
  if (awaitsApproval(plan)) return 'approval-missing';
  if (plan.friction === 'type-count' && !isCount(typed, numberToConfirm(plan).number)) return 'count-missing';
  return 'none';
}

/** The body that asks for this plan. */
export function planBody(
  { what, scope, method, forSeconds }: PlanRequest,
  reason: string,
  ticket: string,
): z.input<typeof createPlanRequest> {
  return {
    ...what,
    scope,
    reason: reason.trim(),
    ...(ticket.trim() && { ticket: ticket.trim() }),
    ...(method && { method }),
    ...(method && method !== 'delete' && forSeconds !== undefined && { forSeconds }),
  };
}

/** The reason a plan starts with when none is remembered; whole tables have none, so that somebody thinks of one. */
export function suggestedReason({ what, reason, isSelection, expected = 0 }: PlanRequest): string {
  if (reason) return reason;
  if (isSelection) return counted(expected, 'selected flow');
  return 'filter' in what ? `Flush of ${foldedWords(what.filter) ?? what.filter}` : '';
}

/** The most of a filter that is read rather than looked up. */
const MAX_READ = 240;

/** What stands for a filter that nobody reads: a list of flows by their kernel ids, or a very long text; undefined for all others. */
export function foldedWords(filter: string): string | undefined {
  const ids = /(?:^|\s)id:(\S+)/.exec(filter)?.[1]?.split(',').length;
  if (ids !== undefined && (ids > 1 || filter.length > MAX_READ)) return counted(ids, 'selected flow');
  return filter.length > MAX_READ ? `a filter of ${count(filter.length)} characters` : undefined;
}

/** The request that would make this plan again. */
export function again(plan: Plan): PlanRequest {
  return {
    what: plan.isEverything ? { all: true } : { filter: plan.filter },
    scope: { gateways: plan.gateways.map(({ id }) => id) },
    method: plan.method,
    forSeconds: plan.forSeconds,
  };
}

/** In which order the gateways begin. */
export function wavesWords({ waves, totals }: Pick<Plan, 'waves' | 'totals'>, areWanted: boolean): string {
  if (waves.length <= 1) return totals.gateways === 1 ? 'one gateway' : 'all at once: they are few';
  if (!areWanted) return 'all at once, but for partners of one another';
  let begun = 0;
  return `first ${waves.map((gateways) => count((begun += gateways))).join(', then ')} of them`;
}

/** `41 kbit/s`. */
export function rateWords(bitsPerSecond: number): string {
  return `${short(bitsPerSecond)}bit/s`;
}

/** What will come of flows, with the icon of how it feels. */
export const FATES: Record<Plan['impact']['predictions'][number]['fate'], { word: string; kind: StateKind }> = {
  hangs: { word: 'will hang', kind: 'critical' },
  breaks: { word: 'will break', kind: 'warn' },
  unknown: { word: 'not known', kind: 'never' },
  reconnects: { word: 'will reconnect', kind: 'ok' },
};

/** `Ben agreed, signed with Ben’s passkey`. */
export function approvalWords({ by, passkey }: NonNullable<Plan['approval']>): string {
  return passkey === undefined ? `${by} agreed` : `${by} agreed, signed with ${by}’s passkey`;
}

/** True while a plan waits for somebody else to agree. */
export function awaitsApproval({ state, friction, approval }: Plan): boolean {
  return state === 'ready' && friction === 'second-person' && approval === undefined;
}
