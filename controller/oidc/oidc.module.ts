import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { OidcSignInService } from './oidc-sign-in.service.ts';
import { ProvidersController } from './providers.controller.ts';
import { ProvidersRepository } from './providers.repository.ts';
import { ProvidersService } from './providers.service.ts';

/** Sign-in with a company's own directory. */
@Module({})
export class OidcModule {
  static readonly with = nounModule(OidcModule, {
    uses: [AccessModule.with, AuditModule.with],
    providers: [OidcSignInService, ProvidersRepository, ProvidersService],
    exports: [OidcSignInService],
    controllers: [ProvidersController],
  });
}
