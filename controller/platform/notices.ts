import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import type pg from 'pg';
import { CONFIG, type Config } from './config.ts';
import { boundedClient, sessionOf, USUAL } from './bounded-client.ts';
import type { Transaction } from './database.ts';
import { CLOCK, type Clock } from './clock.ts';
import { Failures } from './failures.ts';
import { LOGGER, type Logger } from './logger.ts';

/** What replicas tell each other. The payload is an id (of `opened`: a gateway's and the epoch; of `checkpoint`: a chain); whoever wants more reads it from its table. */
export const NOTICE_KINDS = ['gateway', 'flush', 'deliver', 'revoked', 'opened', 'checkpoint', 'remediations'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

const RETRY_MS = 1000;
/** A connection that is cut off or frozen says nothing by itself, so it is asked. */
const BEAT_MS = 5000;
const LOST = 'notices lost their connection';

/**
 * Postgres NOTIFY as the wire between replicas: one LISTEN connection each. A notice sent in a transaction arrives after its commit
 * or never. After a lost connection `missed` is told, since notices may have gone by.
 */
@Injectable()
export class Notices implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private client: pg.Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private readonly beat: NodeJS.Timeout;
  private readonly failures: Failures;
  private isStopped = false;

  constructor(@Inject(CONFIG) private readonly config: Config, @Inject(LOGGER) logger: Logger, @Inject(CLOCK) clock: Clock) {
    this.failures = new Failures(logger, clock);
    this.beat = setInterval(() => { this.client?.query('SELECT 1').catch(() => undefined); }, BEAT_MS);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.connect();
  }

  /** Tells every replica, this one too, once the transaction commits. */
  async send(transaction: Transaction, kind: NoticeKind, id: string): Promise<void> {
    await transaction.$executeRaw`SELECT pg_notify(${channel(kind)}, ${id})`;
  }

  /** Calls `listener` for each notice, and with undefined where notices may have been missed. Returns how to stop. */
  on(kind: NoticeKind, listener: (id: string | undefined) => void): () => void {
    this.emitter.on(kind, listener);
    return () => this.emitter.off(kind, listener);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retry);
    clearInterval(this.beat);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new NoticesClient({ connectionString: this.config.databaseUrl, application_name: 'ctfleet notices', ...sessionOf(USUAL) });
    client.on('notification', ({ channel: name, payload }) => this.emitter.emit(name.slice(PREFIX.length), payload));
    client.on('error', (error) => this.failures.failed(LOST, error));
    client.on('end', () => {
      if (this.client === client) this.client = undefined;
      this.reconnectLater();
    });
    await client.connect();
    await client.query(NOTICE_KINDS.map((kind) => `LISTEN ${channel(kind)}`).join(';'));
    this.client = client;
    this.failures.worked(LOST);
  }

  private reconnectLater(): void {
    if (this.isStopped) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.connect().then(() => NOTICE_KINDS.forEach((kind) => this.emitter.emit(kind, undefined)), () => this.reconnectLater());
    }, RETRY_MS);
  }
}

const NoticesClient = boundedClient(BEAT_MS);
const PREFIX = 'ctfleet_';

function channel(kind: NoticeKind): string {
  return `${PREFIX}${kind}`;
}
