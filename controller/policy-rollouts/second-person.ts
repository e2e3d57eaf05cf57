import type { Limits } from '../../proto/http/limits.ts';
import type { PolicyDifference } from '../../proto/model/policy/difference.ts';
import { mayEnd } from '../plans/may-end.ts';

/** What a roll-out changes on one gateway. `stopped`: flows that it would end, as far as the gateway could tell. */
export interface ChangedGateway {
  gatewayId: string;
  tenantId: string;
  siteId: string;
  difference: PolicyDifference;
  stopped: number;
  tableCount?: number;
}

const TABLE_SIZE = new Set(['nf_conntrack_max', 'nf_conntrack_buckets']);

/**
 * Why a roll-out needs a second person; undefined if one may decide it. One person changes the gateways of one site, except how large
 * tables are or that tracking is off on more than one of them; and ends no more flows by it than a flush of theirs may. A tenant that lets
 * one person end everything, or act on several tenants, lets one person change as much.
 */
export function whySecondPerson(gateways: readonly ChangedGateway[], limitsOf: (tenantId: string) => Limits): string | undefined {
  const tenants = [...new Set(gateways.map(({ tenantId }) => tenantId))].map(limitsOf);
  if (tenants.length > 1 && tenants.some(({ areSeveralTenants }) => areSeveralTenants)) return 'it changes gateways of several tenants';
  if (tenants.some(({ isEverything }) => isEverything)) {
    const why = whyTooWide(gateways);
    if (why !== undefined) return why;
  }
  const parts = gateways.map(({ tenantId, gatewayId, stopped: flows, tableCount }) => ({ tenantId, gatewayId, flows, tableCount }));
  const verdict = mayEnd({ kind: 'plan', parts: parts.filter(({ flows }) => flows > 0), isEverything: false }, limitsOf);
  return verdict.kind === 'second-person' ? `of the flows that it stops: ${verdict.why}` : undefined;
}

/** By how many gateways it changes, and how much. */
function whyTooWide(gateways: readonly ChangedGateway[]): string | undefined {
  if (new Set(gateways.map(({ siteId }) => siteId)).size > 1) return 'it changes gateways of several sites';
  const of = (does: (difference: PolicyDifference) => boolean): number => gateways.filter(({ difference }) => does(difference)).length;
  if (of(switchesOff) > 1) return 'it switches tracking off on several gateways';
  if (of(setsTableSize) > 1) return 'it sets the size of several tables';
  return undefined;
}

function switchesOff({ changes }: PolicyDifference): boolean {
  return changes.some((change) => change.on === 'rule' && change.verdict.kind === 'set' && change.to?.mode === 'off');
}

function setsTableSize({ changes }: PolicyDifference): boolean {
  return changes.some((change) => change.on === 'setting' && change.verdict.kind === 'set' && TABLE_SIZE.has(change.setting));
}
