import type { RemediationTrigger } from '../../proto/http/remediation-document.ts';
import { LIMITS_WINDOW_MS } from '../../proto/model/tenant-limits.ts';
import { whyTooManyFailed } from '../flushes/next-wave.ts';
import { counted } from '../platform/plural.ts';
import { isAboutTable } from '../../proto/model/triggers.ts';

/** Runs older than this no longer count. */
export const HOLD_BACK_WINDOW_MS = 3_600_000;
/** Tables do not fill up together by themselves: this many gateways within this time have one cause, and ending flows is not the remedy. */
const TRIP_MS = 60_000;
const MAX_TRIP_SHARE = 0.2;
const MIN_TRIP_GATEWAYS = 3;

/** A run on a gateway that found something to end. */
export interface GatewayRun {
  gatewayId: string;
  tenantId: string;
  isFailed: boolean;
  ended: number;
  reportedAtMs: number;
}

/**
 * What is known of one revision. `mayEndAlone`: flows that one person may end in a tenant; undefined for no limit, or if a second person
 * approved.
 */
export interface RevisionRecord {
  trigger: Pick<RemediationTrigger, 'kind'>;
  isOfAllTenants: boolean;
  /** How many gateways it acts on. */
  gateways: number;
  runs: readonly GatewayRun[];
  mayEndAlone: (tenantId: string) => number | undefined;
}

/** Why a remediation must not act again until a person has looked; undefined if it may continue. */
export function whyHoldBack({ trigger, isOfAllTenants, gateways, runs, mayEndAlone }: RevisionRecord, nowMs: number): string | undefined {
  const within = (ms: number): GatewayRun[] => runs.filter(({ reportedAtMs }) => nowMs - reportedAtMs < ms);
  const recent = within(HOLD_BACK_WINDOW_MS);
  const failed = gatewaysOf(recent.filter(({ isFailed }) => isFailed));
  // One gateway's report alone does not stop what acts for others.
  const why = isOfAllTenants && failed < 2 ? undefined : whyTooManyFailed(failed, gatewaysOf(recent));
  if (why !== undefined) return `${why} within an hour`;
  const together = gatewaysOf(within(TRIP_MS));
  if (isAboutTable(trigger.kind) && together >= MIN_TRIP_GATEWAYS && together > gateways * MAX_TRIP_SHARE) {
    return `${together} of ${counted(gateways, 'gateway')} ran it within a minute: that has one cause, not that many full tables`;
  }
  for (const [tenantId, own] of Map.groupBy(within(LIMITS_WINDOW_MS), (run) => run.tenantId)) {
    const ended = own.reduce((sum, run) => sum + run.ended, 0);
    const most = mayEndAlone(tenantId);
    if (most !== undefined && ended > most && (!isOfAllTenants || gatewaysOf(own) > 1)) {
      return `its gateways ended ${ended} flows of one tenant within ten minutes, and one person may end ${most}`;
    }
  }
  return undefined;
}

function gatewaysOf(runs: readonly GatewayRun[]): number {
  return new Set(runs.map(({ gatewayId }) => gatewayId)).size;
}
