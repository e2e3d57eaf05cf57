import { fingerprintOf, type Findings, type FoundAlert } from './found-alert.ts';
import type { AlertChange, FoundChange } from './judge-samples.ts';

/** How long before it began a chart begins. */
const BEFORE_MS = 30 * 60_000;

/** What changed on a gateway as alerts to write. */
export function findingsOf(
  changes: readonly AlertChange[],
  { gatewayId, tenantId, siteId }: { gatewayId: string; tenantId: string; siteId?: string },
): Findings {
  const findings: Findings = { found: [], cleared: [], withdrawn: [] };
  for (const change of changes) {
    const fingerprint = fingerprintOf(change.rule.name, gatewayId);
    if ('facts' in change) findings.found.push(toFound(change, { gatewayId, tenantId, siteId, fingerprint }));
    else if (change.kind === 'clear') findings.cleared.push({ fingerprint, at: new Date(change.at) });
    else findings.withdrawn.push(fingerprint);
  }
  return findings;
}

function toFound(change: FoundChange, of: { gatewayId: string; tenantId: string; siteId?: string; fingerprint: string }): FoundAlert {
  const { rule, alertId, at, pendingSince, facts } = change;
  const { evidence, ...said } = facts;
  return {
    id: alertId,
    ...of,
    rule: rule.name,
    kind: rule.kind,
    severity: rule.severity,
    pendingSince: new Date(pendingSince),
    ...(change.kind !== 'pend' && { raisedAt: new Date(at) }),
    ...said,
    evidence: { measures: evidence, from: new Date(pendingSince - BEFORE_MS).toISOString(), to: new Date(at).toISOString() },
  };
}
