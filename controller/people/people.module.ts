import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { MailModule } from '../mail/mail.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PeopleController } from './people.controller.ts';
import { PeopleRepository } from './people.repository.ts';
import { PeopleService } from './people.service.ts';

/** Who may work with ctfleet, and as what. */
@Module({})
export class PeopleModule {
  static readonly with = nounModule(PeopleModule, {
    uses: [AccessModule.with, MailModule.with, AuditModule.with],
    providers: [PeopleRepository, PeopleService],
    exports: [PeopleRepository],
    controllers: [PeopleController],
  });
}
