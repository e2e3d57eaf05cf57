import type { PeerCertificate } from 'node:tls';
import type { Authority } from './authority.ts';
import { readPeer, type ProvenGateway } from './gateway-identity.ts';

/** More than one replica has sessions. */
const MAX_KNOWN = 20_000;

/**
 * The gateways that certificates prove. A certificate is read and its signature verified once: every answer of a gateway comes with the same
 * one. Whether its issuer is still trusted is asked each time.
 */
export class ProvenGateways {
  private readonly known = new Map<string, ProvenGateway>();

  constructor(private readonly authority: Pick<Authority, 'issuerOf' | 'isTrusted'>) {}

  /** Undefined for a certificate that no trusted issuer has signed, or that names no gateway. */
  of(peer: PeerCertificate | undefined): ProvenGateway | undefined {
    if (!peer?.raw) return undefined;
    // SHA-256 of the whole certificate.
    const known = this.known.get(peer.fingerprint256);
    if (known) return this.authority.isTrusted(known.issuerId) ? known : undefined;
    const issuerId = this.authority.issuerOf(peer.raw);
    const proven = issuerId === undefined ? undefined : readPeer(peer, issuerId);
    if (!proven) return undefined;
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(peer.fingerprint256, proven);
    return proven;
  }
}
