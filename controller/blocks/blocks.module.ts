import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { BlocksController } from './blocks.controller.ts';
import { BlocksLink } from './blocks.link.ts';
import { BlocksRepository } from './blocks.repository.ts';
import { BlocksService } from './blocks.service.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';

/** Hosts whose packets are refused for a while. */
@Module({})
export class BlocksModule {
  static readonly with = nounModule(BlocksModule, {
    uses: [LinkModule.with, AuditModule.with],
    providers: [BlocksRepository, BlocksService],
    controllers: [BlocksController],
    link: [BlocksLink],
  });
}
