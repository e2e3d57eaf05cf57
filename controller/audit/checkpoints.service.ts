import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { checkpointOf, type Checkpoint } from './checkpoint.ts';
import { CheckpointsRepository } from './checkpoints.repository.ts';
import { AUDIT_KEY, type AuditKey } from './signature.ts';
import { CHECKPOINT_SIGNED } from './notifications.ts';

/** Signs the heads of the chains. */
@Injectable()
export class CheckpointsService {
  constructor(
    @Inject(CheckpointsRepository) private readonly checkpoints: CheckpointsRepository,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(AUDIT_KEY) private readonly key: AuditKey,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Signs each chain that has grown since its last checkpoint, and notifies agents. */
  async make(): Promise<void> {
    const at = new Date(this.clock()).toISOString();
    await this.database.transact('all', async (t) => {
      for (const { tenantId, ...head } of await this.checkpoints.grown(t)) {
        await this.checkpoints.insert(t, checkpointOf({ ...head, at }, this.key), tenantId);
        await this.notifications.send(t, CHECKPOINT_SIGNED, head.chain);
      }
    });
  }

  /** The newest checkpoints in scope, and the key that signed them. */
  async newest(scope: TenantScope): Promise<{ publicKey: string; keyId: string; items: Checkpoint[] }> {
    const items = await this.database.transact(scope, (t) => this.checkpoints.newest(t));
    return { publicKey: this.key.publicPem, keyId: this.key.id, items };
  }

  /** The newest checkpoints of these chains. */
  async ofChains(chains: string[]): Promise<Checkpoint[]> {
    return this.database.transact('all', (t) => this.checkpoints.newest(t, chains));
  }
}
