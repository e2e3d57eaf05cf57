import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const URI = new RegExp(`^URI:spiffe://ctfleet/replica/(${UUID})$`);

/** The only name in a replica's certificate; gateways' and listeners' certificates have others, and never this one. */
export function formatReplica(replicaId: string): string {
  return `spiffe://ctfleet/replica/${replicaId}`;
}

/** The replica that a certificate proves; undefined unless it has exactly one name, that of a replica, and has not ended. */
export function readReplica(peer: Pick<PeerCertificate, 'subjectaltname' | 'raw'> | undefined, nowMs: number): string | undefined {
  const [, replicaId] = URI.exec(peer?.subjectaltname ?? '') ?? [];
  if (replicaId === undefined || !peer) return undefined;
  return nowMs < Date.parse(new X509Certificate(peer.raw).validTo) ? replicaId : undefined;
}
