import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { credentials, type ChannelCredentials } from '@grpc/grpc-js';
import type { PeerCertificate } from 'node:tls';
import { PeerClient } from '../../proto/gen/ctfleet/v1/peer.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { DAY_MS } from '../identity/certificates.ts';
import { readReplica } from '../identity/replica-identity.ts';
import type { ListenerTls } from '../platform/grpc-listener.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { MAX_MESSAGE_BYTES } from '../platform/grpc-listener.ts';
import { Replicas } from './replicas.service.ts';

type Own = ListenerTls & Required<Pick<ListenerTls, 'clients'>>;

/** Connections to other replicas, each of which must prove by its certificate that it is the one that the registry names. */
@Injectable()
export class PeerClients implements BeforeApplicationShutdown {
  private readonly clients = new Map<string, { client: PeerClient; address: string; own: Own }>();
  private own: { issuing: Promise<Own>; atMs: number } | undefined;

  constructor(
    @Inject(Replicas) private readonly replicas: Replicas,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.authority.onChange(() => (this.own = undefined));
    this.replicas.onLost((replicaId) => this.close(replicaId));
  }

  /** The connection to a replica; a new one if its address or our certificate is another than before. Open calls of the old one go on. */
  async to(replicaId: string, address: string): Promise<PeerClient> {
    const own = await this.certificate();
    const known = this.clients.get(replicaId);
    if (known?.address === address && known.own === own) return known.client;
    this.close(replicaId);
    const client = new PeerClient(address, this.credentialsFor(replicaId, own), {
      'grpc.ssl_target_name_override': 'replica.ctfleet',
      'grpc.default_authority': 'replica.ctfleet',
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
    this.clients.set(replicaId, { client, address, own });
    return client;
  }

  beforeApplicationShutdown(): void {
    for (const replicaId of this.clients.keys()) this.close(replicaId);
  }

  private close(replicaId: string): void {
    this.clients.get(replicaId)?.client.close();
    this.clients.delete(replicaId);
  }

  /** This replica's, renewed every day. Its key is in this process only. */
  private certificate(): Promise<Own> {
    const nowMs = this.clock();
    if (!this.own || nowMs - this.own.atMs > DAY_MS) {
      const issuing = this.authority.issueReplica(this.replicas.ownId, nowMs);
      this.own = { issuing, atMs: nowMs };
      issuing.catch(() => (this.own = undefined));
    }
    return this.own.issuing;
  }

  private credentialsFor(replicaId: string, { chain, key, clients }: Own): ChannelCredentials {
    return credentials.createSsl(Buffer.from(clients.trusted), Buffer.from(key), Buffer.from(chain), {
      checkServerIdentity: (_: string, peer: PeerCertificate) =>
        readReplica(peer, this.clock()) === replicaId ? undefined : new Error('another program answers at the address of a controller'),
    });
  }
}
