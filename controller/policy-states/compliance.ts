import type { PolicyState as StateView } from '../../proto/http/policy-states.ts';
import { REPORTS_POLICY } from '../../proto/model/policy/gateway-reading.ts';
import { abilityOf, linkState, offlineReason, type GatewayRow } from '../gateways/gateway-view.ts';
import type { PolicyState } from '../generated/prisma/client.ts';
import { counted } from '../platform/plural.ts';

export type Compliance = StateView['compliance'];

/** Those that need somebody come first. */
export const IN_ORDER: readonly Compliance[] = ['drifted', 'changing', 'outdated', 'unknown', 'compliant', 'none'];

export interface Standing {
  gateway: GatewayRow;
  state: PolicyState | undefined;
  /** Values that differ and were not ignored. */
  open: number;
  /** The digest of what all policies come to; undefined where none reaches it. */
  wanted: string | undefined;
}

/**
 * How a gateway stands to the policies that reach it, and why. A gateway that is not heard of is unknown, and what it was is said: somebody
 * may have changed it since.
 */
export function complianceOf(standing: Standing, nowMs: number): { compliance: Compliance; reason?: string } {
  const { gateway, state, wanted } = standing;
  if (wanted === undefined && !state?.changeId && !state?.pendingUntil && (state || gateway.tableKind === 'memory'))
    return { compliance: 'none' };
  const link = linkState(gateway, nowMs);
  if (link.state !== 'online') {
    const before = state ? complianceHeard(standing, state) : undefined;
    return { compliance: 'unknown', reason: `It is ${offlineReason(link)}${before ? `; before that, it was ${before.compliance}` : ''}.` };
  }
  const { can, why } = abilityOf(gateway, REPORTS_POLICY);
  if (!can) return { compliance: 'unknown', reason: why ?? 'Its agent is older and cannot tell. Update it.' };
  if (!state) return { compliance: 'unknown', reason: 'Its agent has not told yet.' };
  return complianceHeard(standing, state);
}

function complianceHeard({ open, wanted }: Standing, state: PolicyState): { compliance: Compliance; reason?: string } {
  if (state.pendingUntil)
    return { compliance: 'changing', reason: `Policy ${state.pendingPolicy ?? ''} is put back unless it is confirmed.` };
  const differing = open + state.driftLeft;
  if (differing > 0)
    return {
      compliance: 'drifted',
      reason: `${counted(differing, 'value')} differ${differing === 1 ? 's' : ''} from the policy in force.`,
    };
  if (state.unknown !== null) return { compliance: 'unknown', reason: `What differs cannot be told: ${state.unknown}` };
  if (!state.changeId)
    return wanted === undefined ? { compliance: 'none' } : { compliance: 'outdated', reason: 'Its policies were never put in force here.' };
  if (state.digest === wanted) return { compliance: 'compliant' };
  return {
    compliance: 'outdated',
    reason:
      wanted === undefined
        ? 'A policy is in force here, and none reaches it.'
        : 'Its policies come to other values than those that are in force.',
  };
}
