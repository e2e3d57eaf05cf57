import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import { counted } from '../platform/plural.ts';

/** If more than this share is offline, the place is unreachable; it is not that many gateways that failed at once. */
const MAX_OFFLINE_SHARE = 0.55;

/** A gateway that has been online before. */
export interface Reached {
  id: string;
  tenantId: string;
  tenantName: string;
  siteId: string;
  siteName: string;
  isOnline: boolean;
}

/** Places with too many gateways offline for automatic runs, in words, with all their gateways. */
export function unreachable(gateways: readonly Reached[]): { why: string[]; gatewayIds: ReadonlySet<string> } {
  const tenants = groupsOf(
    gateways,
    ({ tenantId }) => tenantId,
    ({ tenantName }) => `tenant ${tenantName}`,
  );
  // A site with nothing online is left out of every plan anyway.
  const sites = groupsOf(
    gateways,
    ({ siteId }) => siteId,
    ({ siteName, tenantName }) => `site ${siteName} of ${tenantName}`,
  ).filter(({ own }) => own.some(({ isOnline }) => isOnline));
  const dark = [...tenants, ...sites].filter(({ own }) => offline(own) > own.length * MAX_OFFLINE_SHARE);
  return {
    why: dark.map(({ name, own }) => `${name} is unreachable: ${offline(own)} of ${counted(own.length, 'gateway')} are offline`),
    gatewayIds: new Set(dark.flatMap(({ own }) => own.map(({ id }) => id))),
  };
}

type TextOf = (one: Reached) => string;

function groupsOf(gateways: readonly Reached[], keyOf: TextOf, nameOf: TextOf): { name: string; own: Reached[] }[] {
  return [...Map.groupBy(gateways, keyOf).values()].map((own) => ({ name: nameOf(own[0]!), own }));
}

function offline(gateways: readonly Reached[]): number {
  return gateways.filter(({ isOnline }) => !isOnline).length;
}

interface Scoped {
  tenantId: string | null;
  document: Pick<RemediationDocument, 'scope'>;
}

/** Where a gateway belongs, as far as scopes need it. */
interface Place {
  id: string;
  tenantId: string;
  siteId: string;
  tags: readonly string[];
}

/** True if the remediation belongs to the gateway's tenant, or to all, and its scope names the gateway. */
export function actsOn({ tenantId, document }: Scoped, place: Place): boolean {
  const { scope } = document;
  return (
    (tenantId === null || tenantId === place.tenantId) &&
    (!scope.tenants || scope.tenants.includes(place.tenantId)) &&
    (!scope.sites || scope.sites.includes(place.siteId)) &&
    (!scope.gateways || scope.gateways.includes(place.id)) &&
    (!scope.tags || scope.tags.some((tag) => place.tags.includes(tag)))
  );
}
