import { Module } from '@nestjs/common';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PoliciesController } from './policies.controller.ts';
import { PoliciesService } from './policies.service.ts';

/** How gateways track. */
@Module({})
export class PoliciesModule {
  static readonly with = nounModule(PoliciesModule, {
    uses: [LinkModule.with, GatewaysModule.with],
    providers: [PoliciesService],
    controllers: [PoliciesController],
  });
}
