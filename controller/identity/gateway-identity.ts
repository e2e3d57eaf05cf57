/** The identity in a gateway's certificate. */
export interface GatewayIdentity {
  tenantId: string;
  gatewayId: string;
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const URI = new RegExp(`^spiffe://ctfleet/tenant/(${UUID})/gateway/(${UUID})$`);

export function formatSpiffe(identity: GatewayIdentity): string {
  return `spiffe://ctfleet/tenant/${identity.tenantId}/gateway/${identity.gatewayId}`;
}

/** The identity in a certificate's `subjectaltname` as Node formats it; undefined unless there is exactly one name and it is ours. */
export function parseSubjectAltName(text: string | undefined): GatewayIdentity | undefined {
  const [, tenantId, gatewayId] = URI.exec(text?.startsWith('URI:') ? text.slice(4) : '') ?? [];
  return tenantId === undefined || gatewayId === undefined ? undefined : { tenantId, gatewayId };
}
