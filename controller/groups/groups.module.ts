import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { PeopleModule } from '../people/people.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { GroupsController } from './groups.controller.ts';
import { GroupsRepository } from './groups.repository.ts';
import { GroupsService } from './groups.service.ts';

/** People with the same roles. */
@Module({})
export class GroupsModule {
  static readonly with = nounModule(GroupsModule, {
    uses: [PeopleModule.with, AuditModule.with],
    providers: [GroupsRepository, GroupsService],
    controllers: [GroupsController],
  });
}
