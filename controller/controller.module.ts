import { Module, type DynamicModule } from '@nestjs/common';
import { AccessModule } from './access/access.module.ts';
import { AlertsModule } from './alerts/alerts.module.ts';
import { AuditModule } from './audit/audit.module.ts';
import { AuthorityModule } from './authority/authority.module.ts';
import { BlocksModule } from './blocks/blocks.module.ts';
import { EnrolmentModule } from './enrolment/enrolment.module.ts';
import { ExpectationsModule } from './expectations/expectations.module.ts';
import { FleetModule } from './fleet/fleet.module.ts';
import { FlowsModule } from './flows/flows.module.ts';
import { FlushesModule } from './flushes/flushes.module.ts';
import { GatewaysModule } from './gateways/gateways.module.ts';
import { GroupsModule } from './groups/groups.module.ts';
import { HistoryModule } from './history/history.module.ts';
import { LiveModule } from './live/live.module.ts';
import { MailModule } from './mail/mail.module.ts';
import { MetricsModule } from './metrics/metrics.module.ts';
import { OidcModule } from './oidc/oidc.module.ts';
import { PeopleModule } from './people/people.module.ts';
import { PeersModule } from './peers/peers.module.ts';
import { PlansModule } from './plans/plans.module.ts';
import { PoliciesModule } from './policies/policies.module.ts';
import { PolicyRolloutsModule } from './policy-rollouts/policy-rollouts.module.ts';
import { PolicyStatesModule } from './policy-states/policy-states.module.ts';
import { HealthController } from './platform/health.controller.ts';
import { PlatformModule, type Surroundings } from './platform/platform.module.ts';
import { ReceiversModule } from './receivers/receivers.module.ts';
import { RemediationsModule } from './remediations/remediations.module.ts';
import { RetentionModule } from './retention/retention.module.ts';
import { ServiceAccountsModule } from './service-accounts/service-accounts.module.ts';
import { WanEventsModule } from './wan-events/wan-events.module.ts';
import { WitnessModule } from './witness/witness.module.ts';

const NOUNS = [
  AuditModule,
  AccessModule,
  MailModule,
  PeopleModule,
  GroupsModule,
  ServiceAccountsModule,
  OidcModule,
  HistoryModule,
  GatewaysModule,
  FleetModule,
  WanEventsModule,
  AuthorityModule,
  PeersModule,
  EnrolmentModule,
  FlowsModule,
  BlocksModule,
  PlansModule,
  FlushesModule,
  PoliciesModule,
  ExpectationsModule,
  PolicyRolloutsModule,
  PolicyStatesModule,
  RemediationsModule,
  AlertsModule,
  ReceiversModule,
  WitnessModule,
  LiveModule,
  RetentionModule,
  MetricsModule,
];

/** The whole controller; the roles of the process decide which parts of each noun it contains. */
@Module({})
export class ControllerModule {
  static with(surroundings: Surroundings): DynamicModule {
    const { roles } = surroundings.config;
    return { module: ControllerModule, imports: [PlatformModule.with(surroundings), ...NOUNS.map((noun) => noun.with(roles))] };
  }
}

/** Every HTTP handler of a process with the role `api`. */
export const CONTROLLERS = [HealthController, ...NOUNS.flatMap((noun) => noun.with(['api']).controllers ?? [])];
