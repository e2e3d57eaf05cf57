import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { checkpointOf, type Checkpoint } from './checkpoint.ts';
import { CheckpointsRepository } from './checkpoints.repository.ts';
import { AUDIT_KEY, type AuditKey } from './signature.ts';
import { CHECKPOINT_SIGNED } from './notifications.ts';

/** Chains signed in one transaction. */
const AT_ONCE = 500;

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
    for (let after: string | undefined = ''; after !== undefined;) after = await this.makeSome(at, after);
  }

  /** Signs the next chains after one; the name of the last, undefined if there are no more. One transaction for all could be too long. */
  private async makeSome(at: string, after: string): Promise<string | undefined> {
    return this.database.transact('all', async (t) => {
      const grown = await this.checkpoints.grown(t, AT_ONCE, after);
      if (grown.length === 0) return undefined;
      const signed = grown.map(({ tenantId, ...head }) => ({ ...checkpointOf({ ...head, at }, this.key), tenantId }));
      await this.checkpoints.insert(t, signed);
      await this.notifications.sendAll(
        t,
        CHECKPOINT_SIGNED,
        grown.map(({ chain }) => chain),
      );
      return grown.length < AT_ONCE ? undefined : grown.at(-1)!.chain;
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
