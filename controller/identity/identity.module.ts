import { Module } from '@nestjs/common';
import { nounModule } from '../platform/noun-module.ts';
import { AUTHORITY } from './authority.ts';
import { AuthorityRepository } from './authority.repository.ts';
import { AuthorityStore } from './authority-store.service.ts';
import { ServerCertificatesService } from './server-certificates.service.ts';

const AUTHORITY_PROVIDER = { provide: AUTHORITY, inject: [AuthorityStore], useFactory: (store: AuthorityStore) => store.open() };

/** The certificate authority of the gateways. */
@Module({})
export class IdentityModule {
  static readonly with = nounModule(IdentityModule, {
    providers: [AuthorityRepository, AuthorityStore, AUTHORITY_PROVIDER, ServerCertificatesService],
    exports: [AUTHORITY, AuthorityRepository, AuthorityStore, ServerCertificatesService],
  });
}
