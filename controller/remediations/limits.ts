import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import { counted } from '../platform/words.ts';

/** Why a run may not begin now; undefined if it may. `before`: the runs that touched something in the last hour, newest first. */
export function whyNotNow({ limits }: Pick<RemediationDocument, 'limits'>, before: { state: string; triggeredAt: Date; finishedAt: Date | null }[], nowMs: number): string | undefined {
  const [last] = before;
  if (last?.state === 'running') return 'the run before is still under way';
  if (before.length >= limits.maxRunsAnHour) return `it ran ${counted(before.length, 'time')} in the last hour, and ${limits.maxRunsAnHour} are allowed`;
  const restMs = last ? (last.finishedAt ?? last.triggeredAt).getTime() + limits.coolDownSeconds * 1000 - nowMs : 0;
  return restMs > 0 ? `it cools down for ${Math.ceil(restMs / 1000)} s more` : undefined;
}

/** Why so many flows may not be ended; undefined if they may. */
export function whyTooMany({ limits }: Pick<RemediationDocument, 'limits'>, flows: number, gateways: { name: string; flows: number; tableCount?: number }[]): string | undefined {
  if (flows > limits.maxFlows) return `${counted(flows, 'flow')} match, and ${limits.maxFlows} are allowed`;
  const over = gateways.find(({ flows: own, tableCount }) => tableCount !== undefined && tableCount > 0 && (100 * own) / tableCount > limits.maxPercentOfTable);
  return over && `${((100 * over.flows) / over.tableCount!).toFixed(1)} % of the table of ${over.name} match, and ${limits.maxPercentOfTable} % are allowed`;
}
