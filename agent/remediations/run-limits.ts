import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import type { ErrorCode } from '../../proto/model/error-codes.ts';

/** When a run that touched something began, and ended. Milliseconds since 1970. */
export interface PastRun { startedAtMs: number; endedAtMs?: number }

export interface LimitReached { code: ErrorCode; detail: string }

type Limits = RemediationDocument['limits'];

const HOUR_MS = 3_600_000;

/** Past runs that still count. */
export function ofLastHour(runs: readonly PastRun[], nowMs: number): PastRun[] {
  return runs.filter(({ startedAtMs }) => nowMs - startedAtMs < HOUR_MS);
}

/** The limit that stands against another run now; undefined if none does. */
export function whyNotNow({ maxRunsAnHour, coolDownSeconds }: Limits, past: readonly PastRun[], nowMs: number): LimitReached | undefined {
  const recent = ofLastHour(past, nowMs);
  if (recent.length >= maxRunsAnHour) return { code: 'RATE_LIMITED', detail: `It ran ${recent.length} times in the last hour, and maxRunsAnHour is ${maxRunsAnHour}.` };
  const lastMs = Math.max(...recent.map(({ startedAtMs, endedAtMs }) => endedAtMs ?? startedAtMs));
  const restMs = lastMs + coolDownSeconds * 1000 - nowMs;
  return restMs > 0 ? { code: 'RATE_LIMITED', detail: `It cools down for ${Math.ceil(restMs / 1000)} s more.` } : undefined;
}

/**
 * The limit that so many flows are beyond; undefined if they may be ended. A share of the table is what might live on without us: stale flows do not,
 * and where one WAN carries all and fails, they are the whole table.
 */
export function whyTooMany({ maxFlows, maxPercentOfTable }: Limits, { flows, stale }: { flows: number; stale: number }, tableCount: number): LimitReached | undefined {
  if (flows > maxFlows) return { code: 'PLAN_TOO_LARGE', detail: `${flows} flows match, and maxFlows is ${maxFlows}.` };
  const alive = flows - stale;
  const percent = tableCount > 0 ? (100 * alive) / tableCount : 0;
  const which = stale > 0 ? 'flows match that are not stale' : 'flows match';
  return percent > maxPercentOfTable ? { code: 'PLAN_TOO_LARGE', detail: `${alive} of ${tableCount} ${which}, and maxPercentOfTable is ${maxPercentOfTable}.` } : undefined;
}
