import { createHash, X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';

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

/** The subject of a gateway's certificate, which carries its generation as serialNumber (2.5.4.5). */
export function formatSubject({ gatewayId }: GatewayIdentity, generation: number): string {
  return `CN=${gatewayId}, 2.5.4.5=${generation}`;
}

/** A gateway as its certificate proves it. `keyHash`: SHA-256 of the public key (SPKI), base64url. */
export interface ProvenGateway extends GatewayIdentity {
  generation: number;
  keyHash: string;
  endsAtMs: number;
  /** Who signed it. */
  issuerId: string;
}

/** Certificates from before generations are of generation 0. Undefined for one that names no gateway. */
export function readPeer(peer: PeerCertificate | undefined, issuerId: string): ProvenGateway | undefined {
  const identity = parseSubjectAltName(peer?.subjectaltname);
  if (!identity || !peer) return undefined;
  const { serialNumber } = peer.subject as { serialNumber?: string };
  return {
    ...identity,
    generation: /^\d{1,9}$/.test(serialNumber ?? '') ? Number(serialNumber) : 0,
    keyHash: keyHash(new X509Certificate(peer.raw).publicKey.export({ type: 'spki', format: 'der' })),
    endsAtMs: Date.parse(peer.valid_to),
    issuerId,
  };
}

/** SHA-256 of a public key (SPKI, DER), base64url. */
export function keyHash(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('base64url');
}
