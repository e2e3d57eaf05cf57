import type { WanEventHead } from '../../proto/http/wan-events.ts';

/** What is stored of a WAN event as the REST API has it: without names, and what columns hold. */
export type WanEventRecord = Omit<
  WanEventHead,
  'id' | 'gatewayId' | 'gatewayName' | 'siteId' | 'siteName' | 'tenantId' | 'tenantName' | 'reportedAt'
>;

export interface WanEventRow {
  id: string;
  reportedAt: Date;
  record: unknown;
}

/** Names of the gateway to which it belongs. */
interface OfGateway {
  id: string;
  name: string;
  tenantId: string;
  siteId: string;
  tenant: { name: string };
  site: { name: string };
}

/** The event as the API shows it, under the names that its gateway has now. */
export function toWanEventHead({ id, reportedAt, record }: WanEventRow, gateway: OfGateway): WanEventHead {
  return {
    ...(record as WanEventRecord),
    id,
    gatewayId: gateway.id,
    gatewayName: gateway.name,
    siteId: gateway.siteId,
    siteName: gateway.site.name,
    tenantId: gateway.tenantId,
    tenantName: gateway.tenant.name,
    reportedAt: reportedAt.toISOString(),
  };
}
