import type { ErrorCode } from './error-codes.ts';

/** What a remediation may do by itself, from its document. */
export interface RemediationLimits {
  maxFlows: number;
  maxPercentOfTable: number;
  maxRunsAnHour: number;
  coolDownSeconds: number;
}

/** A run that touched something. Milliseconds since 1970; one without an end counts from its start. */
export interface PastRun {
  startedAtMs: number;
  endedAtMs?: number;
  isUnderWay?: boolean;
}

/** What would be ended in one table. `stale`: how many of the flows would not live on without us. */
export interface TablePart {
  flows: number;
  stale: number;
  tableCount?: number;
  gateway?: string;
}

/** The limit that prevents a run; `why` continues a sentence. */
export interface LimitReached {
  code: ErrorCode;
  why: string;
}

const HOUR_MS = 3_600_000;
/** Enough for the most runs any document allows in an hour, plus one before them for its cool-down. */
export const MAX_PAST_RUNS = 61;

/** Past runs that may still matter: those of the last hour, and the one that ended last, whose cool-down may be a day. */
export function runsThatCount(runs: readonly PastRun[], nowMs: number): PastRun[] {
  const lastMs = lastEndOf(runs);
  return runs.filter((run) => isOfLastHour(run, nowMs) || run.isUnderWay || endOf(run) === lastMs);
}

/**
 * The limit that prevents another run now; undefined if none does. A run of exactly an hour ago and a cool-down that ends now no longer
 * count.
 */
export function whyNotNow(
  { maxRunsAnHour, coolDownSeconds }: RemediationLimits,
  past: readonly PastRun[],
  nowMs: number,
): LimitReached | undefined {
  if (past.some(({ isUnderWay }) => isUnderWay)) return { code: 'RATE_LIMITED', why: 'the previous run is still under way' };
  const recent = past.filter((run) => isOfLastHour(run, nowMs)).length;
  if (recent >= maxRunsAnHour)
    return {
      code: 'RATE_LIMITED',
      why: `it ran ${recent === 1 ? 'once' : `${recent} times`} in the last hour, and maxRunsAnHour is ${maxRunsAnHour}`,
    };
  const restMs = lastEndOf(past) + coolDownSeconds * 1000 - nowMs;
  return restMs > 0 ? { code: 'RATE_LIMITED', why: `it cools down for another ${Math.ceil(restMs / 1000)} s` } : undefined;
}

/**
 * The limit that these flows exceed; undefined if they may be ended. The share of a table counts only what might live on without us: stale
 * flows do not, and if one WAN carries everything and fails, they are the whole table. `maxFlows` counts all flows: it bounds a run,
 * whatever it ends.
 */
export function whyTooMany({ maxFlows, maxPercentOfTable }: RemediationLimits, parts: readonly TablePart[]): LimitReached | undefined {
  const flows = parts.reduce((sum, part) => sum + part.flows, 0);
  if (flows > maxFlows) return { code: 'PLAN_TOO_LARGE', why: `${counted(flows)}, and maxFlows is ${maxFlows}` };
  const over = parts.find((part) => shareOf(part) > maxPercentOfTable);
  if (!over) return undefined;
  const { gateway, tableCount, stale } = over;
  const where = gateway === undefined ? '' : ` of ${gateway}`;
  return {
    code: 'PLAN_TOO_LARGE',
    why: `${aliveOf(over)} of ${tableCount} flows${where} match${stale > 0 ? ' that are not stale' : ''}, and maxPercentOfTable is ${maxPercentOfTable}`,
  };
}

/** How many flows of a table may be ended if none is stale, for work that is useful even in part. */
export function mostOf({ maxFlows, maxPercentOfTable }: RemediationLimits, tableCount: number): number {
  const near = Math.floor((tableCount * maxPercentOfTable) / 100);
  // The product is rounded either way, and the limit is the quotient.
  const most = [near + 1, near].find((flows) => shareOf({ flows, stale: 0, tableCount }) <= maxPercentOfTable) ?? near - 1;
  return Math.min(maxFlows, most);
}

/** In per cent; 0 for a table of unknown size. A single division, so that an exact share equals its limit as written. */
function shareOf(part: TablePart): number {
  return part.tableCount === undefined || part.tableCount <= 0 ? 0 : (100 * aliveOf(part)) / part.tableCount;
}

function aliveOf({ flows, stale }: TablePart): number {
  return Math.max(0, flows - stale);
}

function isOfLastHour({ startedAtMs }: PastRun, nowMs: number): boolean {
  return nowMs - startedAtMs < HOUR_MS;
}

function endOf({ startedAtMs, endedAtMs }: PastRun): number {
  return endedAtMs ?? startedAtMs;
}

function lastEndOf(runs: readonly PastRun[]): number {
  return Math.max(...runs.map(endOf));
}

function counted(flows: number): string {
  return flows === 1 ? '1 flow matches' : `${flows} flows match`;
}
