import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { SampleBatch } from '../../proto/gen/ctfleet/v1/link.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import type { Session } from '../link/session.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { Gathering, type Gathered, type Limits } from './gathering.ts';
import { SamplesRepository } from './samples.repository.ts';
import type { SampleRow } from './sample-row.ts';

/**
 * A run of 1,000 samples takes 30 ms of Postgres. What is held is what ten thousand gateways send at once after an outage
 * of the database, and half a minute of a full stream; docs/operating.md has the rule.
 */
export const LIMITS: Limits = {
  gatherMs: 200,
  ofRun: { samples: 1000, bytes: 8 * 1024 * 1024 },
  held: { samples: 50_000, bytes: 128 * 1024 * 1024 },
};
const FAILED = 'samples could not be stored; they are kept and stored later';

/** What another noun keeps of the same batches, in the same transaction. */
export interface Follower<Part> {
  /** What there is to store of a batch; undefined if nothing. `rows`: its samples as they are stored. */
  read(session: Session, batch: SampleBatch, rows: SampleRow[]): Part | undefined;
  /** All of a run, in one statement, after its samples. What throws makes the run fail, which is then tried again. */
  store(t: Transaction, parts: Part[]): Promise<void>;
  /** After the transaction has committed; must not throw. */
  stored?(parts: Part[]): void;
}

interface Batch extends Gathered {
  tenantId: string;
  /** Rows as JSON: what is held is counted by its bytes. */
  rows: string[];
  parts: Map<Follower<unknown>, unknown>;
}

/**
 * Stores what gateways sent: the batches of all sessions within a moment in one statement, with one notification, however many tenants they
 * belong to. It uses one connection, so that samples never keep results of commands, or people, from Postgres.
 */
@Injectable()
export class Ingest implements BeforeApplicationShutdown {
  readonly gathering: Gathering<Batch>;
  private readonly followers: Follower<unknown>[] = [];

  constructor(
    @Inject(SamplesRepository) private readonly samples: SamplesRepository,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    const failures = new Failures(logger, clock);
    const store = async (batches: Batch[]): Promise<void> => {
      await this.store(batches);
      failures.worked(FAILED);
    };
    this.gathering = new Gathering(store, LIMITS, (error) => failures.failed(FAILED, error));
  }

  follow<Part>(follower: Follower<Part>): void {
    this.followers.push(follower as Follower<unknown>);
  }

  /** Resolves once the batch is held; `stored` as in `Gathering.accept`. */
  async accept(session: Session, batch: SampleBatch, rows: SampleRow[]): Promise<{ stored: Promise<boolean> }> {
    const { gatewayId, tenantId } = session.identity;
    const texts = rows.map((row) => this.samples.toJson({ id: gatewayId, tenantId }, row));
    const parts = this.followers.flatMap((follower) => {
      const part = follower.read(session, batch, rows);
      return part === undefined ? [] : [[follower, part] as const];
    });
    return this.gathering.accept({
      gatewayId,
      tenantId,
      rows: texts,
      parts: new Map(parts),
      samples: texts.length,
      bytes: texts.reduce((sum, text) => sum + text.length, 0),
      get isGone() {
        return session.isClosed;
      },
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.gathering.stop();
  }

  private async store(batches: Batch[]): Promise<void> {
    const parts = this.followers.map((follower) => ({
      follower,
      parts: batches.flatMap((batch) => (batch.parts.has(follower) ? [batch.parts.get(follower)] : [])),
    }));
    const busy = parts.filter((one) => one.parts.length > 0);
    await this.database.transact(new Set(batches.map(({ tenantId }) => tenantId)), async (t) => {
      await this.samples.insert(
        t,
        batches.flatMap(({ rows }) => rows),
      );
      for (const { follower, parts: own } of busy) await follower.store(t, own);
      await this.notifications.sendMany(
        t,
        GATEWAY_CHANGED,
        batches.map(({ gatewayId }) => gatewayId),
      );
    });
    for (const { follower, parts: own } of busy) follower.stored?.(own);
  }
}
