import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { IdentityModule } from '../identity/identity.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { AuthorityCareService } from './authority-care.service.ts';
import { AuthorityController } from './authority.controller.ts';
import { AuthorityJobs } from './authority.jobs.ts';
import { AuthorityLink } from './authority.link.ts';
import { AuthorityService } from './authority.service.ts';
import { RootKeysService } from './root-keys.service.ts';

/** How the authority of the gateways' certificates is looked after and replaced. */
@Module({})
export class AuthorityModule {
  static readonly with = nounModule(AuthorityModule, {
    uses: [IdentityModule.with, LinkModule.with, QueueModule.with, AuditModule.with],
    providers: [AuthorityService, AuthorityCareService, RootKeysService],
    exports: [AuthorityService],
    controllers: [AuthorityController],
    link: [AuthorityLink],
    work: [AuthorityJobs],
  });
}
