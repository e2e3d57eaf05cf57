import { Module } from '@nestjs/common';
import { IdentityModule } from '../identity/identity.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { Drain } from './drain.service.ts';
import { PeerAsks } from './peer-asks.grpc.ts';
import { PeerClients } from './peer-clients.grpc.ts';
import { PeerGrpc } from './peer.grpc.ts';
import { ReplicasRepository } from './replicas.repository.ts';
import { Replicas } from './replicas.service.ts';

/** Replicas of this controller: who lives, and who holds which gateway. */
@Module({})
export class PeersModule {
  static readonly with = nounModule(PeersModule, {
    uses: [IdentityModule.with, LinkModule.with],
    providers: [ReplicasRepository, Replicas, PeerClients, PeerAsks, Drain],
    link: [PeerGrpc],
  });
}
