import { Module } from '@nestjs/common';
import { AlertsModule } from '../alerts/alerts.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { MailModule } from '../mail/mail.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PoliciesModule } from '../policies/policies.module.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { Channels } from './channels.service.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Outbound, OUTBOUND } from '../platform/outbound.ts';
import { DeliveriesRepository } from './deliveries.repository.ts';
import { DeliveryService } from './delivery.service.ts';
import { ReceiversController } from './receivers.controller.ts';
import { ReceiversJobs } from './receivers.jobs.ts';
import { ReceiversRepository } from './receivers.repository.ts';
import { ReceiversService } from './receivers.service.ts';

const OUTBOUND_PROVIDER = {
  provide: OUTBOUND,
  inject: [CONFIG],
  useFactory: ({ outboundAllowed }: Config) => new Outbound({ allowed: outboundAllowed }),
};

/** Who alerts are told to, and what was told. */
@Module({})
export class ReceiversModule {
  static readonly with = nounModule(ReceiversModule, {
    uses: [AuditModule.with, AlertsModule.with, MailModule.with, PoliciesModule.with, QueueModule.with],
    providers: [OUTBOUND_PROVIDER, Channels, DeliveriesRepository, DeliveryService, ReceiversRepository, ReceiversService],
    controllers: [ReceiversController],
    work: [ReceiversJobs],
  });
}
