import type { GatewayRow } from '../gateways/gateway-view.ts';
import type { FleetFacts } from './fleet-filter.ts';

/** The facts that fleet fields are compared with, from a gateway's row. */
export function factsOf(row: GatewayRow): FleetFacts {
  return {
    tenantId: row.tenantId,
    tenantName: row.tenant.name,
    siteId: row.siteId,
    siteName: row.site.name,
    gatewayId: row.id,
    gatewayName: row.name,
    tags: row.tags,
  };
}

/** The WANs that the gateway reported last. */
export function wansOf(row: GatewayRow): { name: string; addresses: string[] }[] {
  return row.wans as { name: string; addresses: string[] }[];
}
