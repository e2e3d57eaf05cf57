import type { Limits } from '../../proto/http/limits.ts';
import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import { FEW_FLOWS, whyTooLargeShare, whyTooManyFlows, type OnePersonLimits } from '../../proto/model/tenant-limits.ts';

/** What holds for a tenant that has set nothing. */
export const DEFAULT_LIMITS: Limits = {
  flows: 5000,
  percentOfTable: 10,
  isEverything: true,
  areSeveralTenants: true,
  approvalsBySignature: false,
};

/** So much of a table is all of it in other words: `all` is not asked for by a filter that every flow fits. */
const EVERYTHING_PERCENT = 95;

/**
 * The part of a plan of one gateway that it touches. `refusesAnyone`: a block of packets whatever their addresses. `before`: its flows that
 * were given to flushes within the window and nobody else agreed to.
 */
export interface LimitedPart {
  tenantId: string;
  gatewayId?: string;
  flows: number;
  tableCount?: number;
  before?: number;
  refusesAnyone?: boolean;
}

/** What would end flows, or put them back. */
export type Asked =
  /** `before`: flows of a tenant that were given to flushes within the window and nobody else agreed to. */
  | { kind: 'plan'; parts: readonly LimitedPart[]; isEverything: boolean; before?: (tenantId: string) => number }
  /** Acts by itself from now on, in these tenants. `isByToken`: no person has decided it. */
  | { kind: 'remediation'; document: Pick<RemediationDocument, 'limits'>; tenantIds: readonly string[]; isByToken: boolean }
  /** Ends nothing. */
  | { kind: 'undo' };

/** What may be done about it: at once, or once somebody beside its maker has agreed; `why` is for people. */
export type Verdict = { kind: 'free' } | { kind: 'second-person'; why: string };

const FREE: Verdict = { kind: 'free' };

type Of<Kind extends Asked['kind']> = Extract<Asked, { kind: Kind }>;
type LimitsOf = (tenantId: string) => Limits;

/**
 * The one place that says whether so many flows may be ended by one person. Plans, runs of them, remediations and undo all ask it; the same
 * arithmetic (`proto/model/tenant-limits`) binds on the gateways.
 */
export function mayEnd(asked: Asked, limitsOf: LimitsOf): Verdict {
  switch (asked.kind) {
    case 'plan':
      return toVerdict(whyNotPlan(asked, limitsOf));
    case 'remediation':
      return toVerdict(whyNotRemediation(asked, limitsOf));
    case 'undo':
      return FREE;
  }
}

/** A tenant's limits as its gateways are sent them, and as the arithmetic takes them. */
export function onePersonLimits({ flows, percentOfTable }: Limits): OnePersonLimits {
  return { flows: flows ?? undefined, percentOfTable: percentOfTable ?? undefined };
}

function whyNotPlan({ parts, isEverything, before = () => 0 }: Of<'plan'>, limitsOf: LimitsOf): string | undefined {
  const tenantIds = [...new Set(parts.map(({ tenantId }) => tenantId))];
  return firstOf(tenantIds, (tenantId) => {
    const limits = limitsOf(tenantId);
    const alone = onePersonLimits(limits);
    const own = parts.filter((part) => part.tenantId === tenantId);
    if (limits.isEverything && (isEverything || own.some(isAlmostAll))) return 'it is everything in a table';
    if (limits.isEverything && own.some(({ refusesAnyone }) => refusesAnyone)) return 'it refuses packets whatever their addresses';
    if (limits.areSeveralTenants && tenantIds.length > 1) return 'it touches several tenants';
    const flows = own.reduce((sum, part) => sum + part.flows, 0);
    return whyTooManyFlows(alone, { flows, before: before(tenantId) }) ?? firstOf(own, (part) => whyTooLargeShare(alone, part));
  });
}

function whyNotRemediation({ document: { limits: own }, tenantIds, isByToken }: Of<'remediation'>, limitsOf: LimitsOf): string | undefined {
  if (isByToken) return 'an API token or a service account saved it, and what ends flows by itself is decided by people';
  return firstOf(tenantIds, (tenantId) => {
    const limits = limitsOf(tenantId);
    if (limits.areSeveralTenants && tenantIds.length > 1) return 'it acts in several tenants';
    if (limits.flows !== null && own.maxFlows > limits.flows) {
      return `maxFlows ${own.maxFlows} is more than the ${limits.flows} flows that one person may end`;
    }
    if (own.maxFlows <= FEW_FLOWS) return undefined;
    if (limits.isEverything && own.maxPercentOfTable >= EVERYTHING_PERCENT) {
      return `maxPercentOfTable ${own.maxPercentOfTable} is everything in a table`;
    }
    if (limits.percentOfTable === null || own.maxPercentOfTable <= limits.percentOfTable) return undefined;
    return `maxPercentOfTable ${own.maxPercentOfTable} is more than the ${limits.percentOfTable} % of a table that one person may end`;
  });
}

function isAlmostAll({ flows, tableCount }: LimitedPart): boolean {
  return tableCount !== undefined && flows > FEW_FLOWS && flows * 100 >= tableCount * EVERYTHING_PERCENT;
}

function toVerdict(why: string | undefined): Verdict {
  return why === undefined ? FREE : { kind: 'second-person', why };
}

function firstOf<T>(items: readonly T[], why: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = why(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
