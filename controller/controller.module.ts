import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { AccessController } from './access/access.controller.ts';
import { AccessGuard } from './access/access.guard.ts';
import { AUTH, createAuth } from './access/auth.ts';
import { CallersRepository } from './access/callers.repository.ts';
import { CallersService } from './access/callers.service.ts';
import { IdempotencyInterceptor } from './access/idempotency.interceptor.ts';
import { IdempotencyRepository } from './access/idempotency.repository.ts';
import { IdempotencyService } from './access/idempotency.service.ts';
import { RateLimits } from './platform/rate-limits.ts';
import { SignInService } from './access/sign-in.service.ts';
import { TokensRepository } from './access/tokens.repository.ts';
import { TokensService } from './access/tokens.service.ts';
import { UsersService } from './access/users.service.ts';
import { AuditController } from './audit/audit.controller.ts';
import { AuditRetentionService } from './audit/audit-retention.service.ts';
import { AuditRepository } from './audit/audit.repository.ts';
import { AuditService } from './audit/audit.service.ts';
import { CheckpointsRepository } from './audit/checkpoints.repository.ts';
import { CheckpointsService } from './audit/checkpoints.service.ts';
import { AUDIT_KEY, AuditKey } from './audit/signature.ts';
import { StubsRepository } from './audit/stubs.repository.ts';
import { TrailsService } from './audit/trails.service.ts';
import { Authority, AUTHORITY } from './identity/authority.ts';
import { EnrolmentController } from './enrolment/enrolment.controller.ts';
import { EnrolmentGrpc } from './enrolment/enrolment.grpc.ts';
import { EnrolmentRepository } from './enrolment/enrolment.repository.ts';
import { EnrolmentService } from './enrolment/enrolment.service.ts';
import { FlowsController } from './flows/flows.controller.ts';
import { FlowsService } from './flows/flows.service.ts';
import { ApprovalsService } from './plans/approvals.service.ts';
import { BlocksController } from './blocks/blocks.controller.ts';
import { BlocksRepository } from './blocks/blocks.repository.ts';
import { BlocksService } from './blocks/blocks.service.ts';
import { CommandIssueService } from './flushes/issue.service.ts';
import { CommandsRepository } from './flushes/commands.repository.ts';
import { DeliveryService } from './flushes/delivery.service.ts';
import { FlushEventsService } from './flushes/flush-events.service.ts';
import { FlushesController } from './flushes/flushes.controller.ts';
import { FlushesRepository } from './flushes/flushes.repository.ts';
import { FlushesService } from './flushes/flushes.service.ts';
import { DeadlinesService } from './flushes/deadlines.service.ts';
import { LimitsController } from './plans/limits.controller.ts';
import { LimitsRepository } from './plans/limits.repository.ts';
import { LimitsService } from './plans/limits.service.ts';
import { PlanFlowsService } from './plans/plan-flows.service.ts';
import { PlanPartsService } from './plans/freeze.service.ts';
import { PlansController } from './plans/plans.controller.ts';
import { PlansRepository } from './plans/plans.repository.ts';
import { PlansService } from './plans/plans.service.ts';
import { ProgressService } from './flushes/progress.service.ts';
import { ResultsService } from './flushes/results.service.ts';
import { RetriesService } from './flushes/retries.service.ts';
import { StopsService } from './flushes/stops.service.ts';
import { UndoService } from './flushes/undo.service.ts';
import { WavesService } from './flushes/waves.service.ts';
import { FleetEventsService } from './live/fleet-events.service.ts';
import { GatewaysController } from './gateways/gateways.controller.ts';
import { GatewaysRepository } from './gateways/gateways.repository.ts';
import { GatewaysService } from './gateways/gateways.service.ts';
import { TenantsRepository } from './gateways/tenants.repository.ts';
import { TenantsService } from './gateways/tenants.service.ts';
import { HistoryService } from './history/history.service.ts';
import { MetricsController } from './metrics/metrics.controller.ts';
import { MetricsRepository } from './metrics/metrics.repository.ts';
import { RollUpRepository } from './history/roll-up.repository.ts';
import { SamplesRepository } from './history/samples.repository.ts';
import { HellosService } from './link/hellos.service.ts';
import { Intake } from './link/intake.ts';
import { LinkGrpc } from './link/link.grpc.ts';
import { LinkRepository } from './link/link.repository.ts';
import { LinkService } from './link/link.service.ts';
import { Questions } from './link/questions.ts';
import { Sessions } from './link/sessions.ts';
import { Addresses } from './platform/addresses.ts';
import { CLOCK, type Clock } from './platform/clock.ts';
import { CONFIG, type Config } from './platform/config.ts';
import { Database } from './platform/database.ts';
import { DoorsController } from './platform/doors.controller.ts';
import { LOGGER, type Logger } from './platform/logger.ts';
import { Notices } from './platform/notices.ts';
import { ProblemFilter } from './platform/problem.filter.ts';
import { newSecret } from './platform/secret.ts';
import { openStateDir, readOrCreate } from './platform/state-dir.ts';
import { ControllerRunsService } from './remediations/controller-runs.service.ts';
import { ForecastService } from './remediations/forecast.service.ts';
import { HoldBacksService } from './remediations/hold-backs.service.ts';
import { HooksController } from './remediations/hooks.controller.ts';
import { GatewaySetsService } from './remediations/gateway-sets.service.ts';
import { ReachService } from './remediations/reach.service.ts';
import { RemediationApprovalsService } from './remediations/remediation-approvals.service.ts';
import { RemediationsController } from './remediations/remediations.controller.ts';
import { RemediationsRepository } from './remediations/remediations.repository.ts';
import { RemediationsService } from './remediations/remediations.service.ts';
import { RunsRepository } from './remediations/runs.repository.ts';
import { RunsService } from './remediations/runs.service.ts';
import { SchedulesService } from './remediations/schedules.service.ts';
import { StandingsService } from './remediations/standings.service.ts';
import { RetentionController } from './retention/retention.controller.ts';
import { RetentionRepository } from './retention/retention.repository.ts';
import { RetentionService } from './retention/retention.service.ts';
import { Seal, SEAL } from './platform/sealed.ts';
import { OutboxRepository } from './flushes/outbox.repository.ts';
import { Queues } from './queue/queues.ts';
import { RelayService } from './flushes/relay.service.ts';
import { WorkLoop } from './queue/work-loop.ts';
import { CheckpointsJobs } from './audit/checkpoints.jobs.ts';
import { BlocksLink } from './blocks/blocks.link.ts';
import { FlushesJobs } from './flushes/flushes.jobs.ts';
import { FlushesLink } from './flushes/flushes.link.ts';
import { GatewaysLink } from './gateways/gateways.link.ts';
import { HistoryJobs } from './history/history.jobs.ts';
import { HistoryLink } from './history/history.link.ts';
import { Admission } from './link/admission.ts';
import { LinkParts } from './link/link-parts.ts';
import { LiveController } from './live/live.controller.ts';
import { RemediationsJobs } from './remediations/remediations.jobs.ts';
import { RemediationsLink } from './remediations/remediations.link.ts';
import { RetentionJobs } from './retention/retention.jobs.ts';
import { WitnessLink } from './witness/witness.link.ts';
import { WitnessService } from './witness/witness.service.ts';

/** What a process is given from outside. */
export interface Surroundings { config: Config; logger: Logger; clock: Clock }

/** The HTTP handlers of the role `api`. */
export const CONTROLLERS: Type[] = [
  AccessController, AuditController, BlocksController, EnrolmentController, FlowsController, FlushesController, GatewaysController, LimitsController, LiveController, PlansController,
  RemediationsController, RetentionController, HooksController, MetricsController, DoorsController,
];

const SERVICES: Provider[] = [
  Addresses, Database, Notices,
  CallersRepository, CallersService, IdempotencyRepository, IdempotencyService, RateLimits, SignInService, TokensRepository, TokensService, UsersService,
  AuditRepository, AuditRetentionService, AuditService, CheckpointsRepository, CheckpointsService, StubsRepository, TrailsService,
  EnrolmentRepository, EnrolmentService, FlowsService,
  ApprovalsService, BlocksRepository, BlocksService, CommandIssueService, CommandsRepository, DeliveryService, FlushEventsService, FlushesRepository, FlushesService, DeadlinesService,
  LimitsRepository, LimitsService, PlanFlowsService, PlanPartsService, PlansRepository, PlansService, ProgressService, ResultsService, RetriesService, StopsService, UndoService, WavesService,
  FleetEventsService, GatewaysRepository, GatewaysService, TenantsRepository, TenantsService,
  HistoryService, MetricsRepository, RollUpRepository, SamplesRepository,
  Admission, HellosService, LinkParts, LinkRepository, LinkService, Questions, Sessions, WitnessService,
  ControllerRunsService, ForecastService, GatewaySetsService, HoldBacksService, ReachService, RemediationApprovalsService, RemediationsRepository, RemediationsService,
  RunsRepository, RunsService, SchedulesService, StandingsService, RetentionRepository, RetentionService,
];

/** The one wiring of the controller; roles decide which doors are opened and who works. */
@Module({})
export class ControllerModule {
  static with({ config, logger, clock }: Surroundings): DynamicModule {
    const isRole = (role: Config['roles'][number]): boolean => config.roles.includes(role);
    return {
      module: ControllerModule,
      controllers: isRole('api') ? CONTROLLERS : [DoorsController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: CLOCK, useValue: clock },
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: AUTHORITY, useFactory: async () => (await openStateDir(config.stateDir), Authority.open(config.stateDir, clock())) },
        { provide: SEAL, useFactory: async () => (await openStateDir(config.stateDir), new Seal(await readOrCreate(config.stateDir, 'seal.key', async () => newSecret()))) },
        { provide: AUDIT_KEY, useFactory: async () => (await openStateDir(config.stateDir), new AuditKey(await readOrCreate(config.stateDir, 'audit.key.pem', async () => AuditKey.generate()))) },
        {
          provide: AUTH,
          inject: [Database],
          useFactory: async (database: Database) => {
            await openStateDir(config.stateDir);
            return createAuth(config, database, await readOrCreate(config.stateDir, 'auth.secret', async () => newSecret()), logger);
          },
        },
        { provide: Intake, useFactory: () => new Intake() },
        ...SERVICES,
        ...(isRole('link') ? [FlushesLink, BlocksLink, WitnessLink, RemediationsLink, GatewaysLink, HistoryLink, EnrolmentGrpc, LinkGrpc] : []),
        ...(isRole('work') ? [Queues, OutboxRepository, RelayService, WorkLoop, FlushesJobs, RemediationsJobs, HistoryJobs, RetentionJobs, CheckpointsJobs] : []),
      ],
    };
  }
}
