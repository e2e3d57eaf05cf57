import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { WitnessLink } from './witness.link.ts';
import { WitnessService } from './witness.service.ts';
import { nounModule } from '../platform/noun-module.ts';

/** Gateways keep the heads of the audit chains as witnesses. */
@Module({})
export class WitnessModule {
  static readonly with = nounModule(WitnessModule, {
    uses: [LinkModule.with, AuditModule.with],
    providers: [WitnessService],
    link: [WitnessLink],
  });
}
