import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Mailer, MAILER } from '../platform/mailer.ts';
import { nounModule } from '../platform/noun-module.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { MailController } from './mail.controller.ts';
import { MailDeliveryService } from './mail-delivery.service.ts';
import { MailJobs } from './mail.jobs.ts';
import { MailRepository } from './mail.repository.ts';
import { MailService } from './mail.service.ts';

const MAILER_PROVIDER = { provide: MAILER, inject: [CONFIG], useFactory: (config: Config) => Mailer.open(config) };

/** Mail to people. */
@Module({})
export class MailModule {
  static readonly with = nounModule(MailModule, {
    uses: [AccessModule.with, QueueModule.with, AuditModule.with],
    providers: [MAILER_PROVIDER, MailRepository, MailService, MailDeliveryService],
    exports: [MailService, MAILER],
    controllers: [MailController],
    work: [MailJobs],
  });
}
