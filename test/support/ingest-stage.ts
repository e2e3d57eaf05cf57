import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { HistoryLink } from '../../controller/history/history.link.ts';
import { Ingest } from '../../controller/history/ingest.service.ts';
import { maintainPartitions } from '../../controller/history/partitions.repository.ts';
import { SamplesRepository } from '../../controller/history/samples.repository.ts';
import { LinkParts } from '../../controller/link/link-parts.service.ts';
import type { Session } from '../../controller/link/session.ts';
import type { Config } from '../../controller/platform/config.ts';
import { Database } from '../../controller/platform/database.ts';
import { ReplicaNotifications } from '../../controller/platform/replica-notifications.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';

/** A session whose stream is the test: what it was told, and why it was closed. */
export class FakeSession {
  readonly identity: { gatewayId: string; tenantId: string };
  readonly receipts: bigint[] = [];
  isClosed = false;

  constructor(tenantId: string, gatewayId: string = randomUUID()) {
    this.identity = { gatewayId, tenantId };
  }

  send({ value }: { value: { batch: bigint } }): void {
    this.receipts.push(value.batch);
  }

  close(): void {
    this.isClosed = true;
  }

  get asSession(): Session {
    return this as unknown as Session;
  }
}

/** What takes in samples, on a real Postgres, without the streams. */
export class IngestStage {
  readonly database: Database;
  readonly notifications: ReplicaNotifications;
  readonly ingest: Ingest;
  private readonly link = new LinkParts();

  private constructor(url: string) {
    const [config, logger] = [{ databaseUrl: url } as Config, pino({ level: 'silent' })];
    this.database = new Database(config);
    this.notifications = new ReplicaNotifications(config, logger, Date.now);
    this.ingest = new Ingest(new SamplesRepository(this.database), this.notifications, this.database, logger, Date.now);
    new HistoryLink(this.link, this.ingest, logger, Date.now).onModuleInit();
  }

  static async open(url: string): Promise<IngestStage> {
    const stage = new IngestStage(url);
    await maintainPartitions(stage.database, Date.now());
    return stage;
  }

  /** As a message of the session; resolves when its next message would be handled. */
  async send(session: FakeSession, batch: bigint, samples: Sample[]): Promise<void> {
    await this.link.take(session.asSession, { $case: 'samples', value: { batch, samples } });
  }

  async close(): Promise<void> {
    await this.ingest.beforeApplicationShutdown();
    await this.notifications.onApplicationShutdown();
    await this.database.onApplicationShutdown();
  }
}

/** Samples of one gateway, ten seconds apart, the newest `agoMs` ago. */
export function samplesOf(count: number, agoMs = 0): Sample[] {
  const newestMs = Date.now() - agoMs;
  return Array.from({ length: count }, (_, at) =>
    Sample.fromPartial({
      atMs: BigInt(newestMs - (count - 1 - at) * 10_000),
      count: BigInt(1000 + at),
      max: 65_536n,
      cpus: [0, 1].map((cpu) => ({ cpu, found: BigInt(at), invalid: 1n, insertFailed: 0n, drop: BigInt(at) })),
    }),
  );
}
