import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../platform/config.ts';
import { openStateDir, readOrCreate } from '../platform/state-dir.ts';
import { AUDIT_KEY, AuditKey } from './signature.ts';
import { AuditController } from './audit.controller.ts';
import { AuditRepository } from './audit.repository.ts';
import { AuditRetentionService } from './audit-retention.service.ts';
import { AuditService } from './audit.service.ts';
import { CheckpointsJobs } from './checkpoints.jobs.ts';
import { CheckpointsRepository } from './checkpoints.repository.ts';
import { CheckpointsService } from './checkpoints.service.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { StubsRepository } from './stubs.repository.ts';
import { TrailsService } from './trails.service.ts';
import { nounModule } from '../platform/noun-module.ts';

const AUDIT_KEY_PROVIDER = {
  provide: AUDIT_KEY,
  inject: [CONFIG],
  useFactory: async ({ stateDir }: Config): Promise<AuditKey> => (
    await openStateDir(stateDir),
    new AuditKey(await readOrCreate(stateDir, 'audit.key.pem', async () => AuditKey.generate()))
  ),
};

/** Who decided what, in hash chains that can be verified. */
@Module({})
export class AuditModule {
  static readonly with = nounModule(AuditModule, {
    uses: [QueueModule.with],
    providers: [
      AUDIT_KEY_PROVIDER,
      AuditRepository,
      AuditRetentionService,
      AuditService,
      CheckpointsRepository,
      CheckpointsService,
      StubsRepository,
      TrailsService,
    ],
    exports: [AuditRetentionService, AuditService, CheckpointsService, TrailsService],
    controllers: [AuditController],
    work: [CheckpointsJobs],
  });
}
