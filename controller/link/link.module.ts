import { Module } from '@nestjs/common';
import { Admission } from './admission.service.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { HellosService } from './hellos.service.ts';
import { IdentityModule } from '../identity/identity.module.ts';
import { Intake } from './intake.ts';
import { LinkGrpc } from './link.grpc.ts';
import { LinkParts } from './link-parts.service.ts';
import { LinkRepository } from './link.repository.ts';
import { LinkService } from './link.service.ts';
import { GatewayQueries } from './gateway-queries.service.ts';
import { RenewalsService } from './renewals.service.ts';
import { SetAsidesService } from './set-asides.service.ts';
import { Sessions } from './sessions.service.ts';
import { nounModule } from '../platform/noun-module.ts';

/** The streams of the agents. It knows no noun; nouns register with it. */
@Module({})
export class LinkModule {
  static readonly with = nounModule(LinkModule, {
    uses: [IdentityModule.with, AuditModule.with],
    providers: [
      { provide: Intake, useFactory: () => new Intake() },
      Admission,
      HellosService,
      LinkParts,
      LinkRepository,
      LinkService,
      RenewalsService,
      SetAsidesService,
      GatewayQueries,
      Sessions,
    ],
    exports: [Admission, Intake, LinkParts, LinkRepository, LinkService, GatewayQueries, Sessions],
    link: [LinkGrpc],
  });
}
