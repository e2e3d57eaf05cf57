import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import pg from 'pg';
import { CONFIG, type Config } from './config.ts';
import { boundedClient, sessionOf, USUAL } from './bounded-client.ts';
import type { Transaction } from './database.ts';
import { CLOCK, type Clock } from './clock.ts';
import { Failures } from './failures.ts';
import { LOGGER, type Logger } from './logger.ts';

/**
 * A kind of notification between replicas, declared once by its noun (`notifications.ts`). The payload is an id; receivers read the rest
 * from its table. Throws if another kind has the name.
 */
export class NotificationKind {
  static readonly declared = new Map<string, NotificationKind>();

  constructor(readonly name: string) {
    if (NotificationKind.declared.has(name)) throw new Error(`there are two kinds of notifications named ${name}`);
    NotificationKind.declared.set(name, this);
  }

  get channel(): string {
    return `${PREFIX}${this.name}`;
  }

  /** Where one notification has many ids. */
  get channelOfMany(): string {
    return `${PREFIX_OF_MANY}${this.name}`;
  }
}

const PREFIX = 'ctfleet_';
const PREFIX_OF_MANY = 'ctfleets_';
/** Postgres accepts less than 8,000 bytes. */
const MAX_PAYLOAD = 7900;
/** No id has it. */
const BETWEEN_IDS = '\n';
/** No kind has this name: the emitter's own word for a connection that was lost. */
const MISSED = Symbol('missed');

const RETRY_MS = 1000;
/** A cut-off or frozen connection reports nothing by itself, so it is probed. */
const BEAT_MS = 5000;
const LOST = 'the notification connection was lost';

/**
 * Postgres NOTIFY as the channel between replicas: one LISTEN connection each. A notification sent in a transaction arrives after its
 * commit or never. Once it listens, at the start and after a lost connection, every listener's `missed` is called, because notifications
 * may have been missed before.
 */
@Injectable()
export class ReplicaNotifications implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private client: pg.Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private readonly beat: NodeJS.Timeout;
  private readonly failures: Failures;
  private isStopped = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.failures = new Failures(logger, clock);
    this.beat = setInterval(() => {
      this.client?.query('SELECT 1').catch(() => undefined);
    }, BEAT_MS);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.connect();
    // Whoever read before this could not be notified of what changed since.
    this.emitter.emit(MISSED);
  }

  /** Whether notifications arrive now, as far as is known. */
  get isListening(): boolean {
    return this.client !== undefined;
  }

  /** Notifies every replica, including this one, once the transaction commits; without an id where the kind has no payload. */
  async send(transaction: Transaction, kind: NotificationKind, id = ''): Promise<void> {
    await transaction.$executeRaw`SELECT pg_notify(${kind.channel}, ${id})`;
  }

  /** The same for each id, in one statement. */
  async sendAll(transaction: Transaction, kind: NotificationKind, ids: string[]): Promise<void> {
    if (ids.length > 0) await transaction.$executeRaw`SELECT pg_notify(${kind.channel}, id) FROM unnest(${ids}::text[]) AS id`;
  }

  /**
   * The same for each id, in as few notifications as the ids fit into: for what changes all the time. They have a channel of their own,
   * which a replica of the version before does not hear; its listeners find such changes when they read everything again.
   */
  async sendMany(transaction: Transaction, kind: NotificationKind, ids: string[]): Promise<void> {
    const payloads = joinedIds(ids);
    if (payloads.length > 0)
      await transaction.$executeRaw`SELECT pg_notify(${kind.channelOfMany}, payload) FROM unnest(${payloads}::text[]) AS payload`;
  }

  /** Calls `heard` for each notification of the kind, and `missed` where some may have been missed. Returns a function to stop. */
  on(kind: NotificationKind, heard: (id: string) => void, missed: () => void): () => void {
    this.emitter.on(kind.name, heard).on(MISSED, missed);
    return () => {
      this.emitter.off(kind.name, heard).off(MISSED, missed);
    };
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retry);
    clearInterval(this.beat);
    const { client } = this;
    if (client === undefined) return;
    // A listener hands nothing over, and a frozen server would answer no farewell: the connection is cut.
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.connection.stream.destroy();
    await ended;
  }

  private async connect(): Promise<void> {
    const client = new NotificationsClient({
      connectionString: this.config.databaseUrl,
      application_name: 'ctfleet notifications',
      ...sessionOf(USUAL),
    });
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel.startsWith(PREFIX)) this.emitter.emit(channel.slice(PREFIX.length), payload);
      else for (const id of payload.split(BETWEEN_IDS)) this.emitter.emit(channel.slice(PREFIX_OF_MANY.length), id);
    });
    client.on('error', (error) => this.isStopped || this.failures.failed(LOST, error));
    client.on('end', () => {
      if (this.client === client) this.client = undefined;
      this.reconnectLater();
    });
    await client.connect();
    const channels = [...NotificationKind.declared.values()].flatMap(({ channel, channelOfMany }) => [channel, channelOfMany]);
    await client.query(channels.map((channel) => `LISTEN ${pg.escapeIdentifier(channel)}`).join(';'));
    this.client = client;
    this.failures.worked(LOST);
  }

  private reconnectLater(): void {
    if (this.isStopped) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.connect().then(
        () => this.emitter.emit(MISSED),
        () => this.reconnectLater(),
      );
    }, RETRY_MS);
  }
}

const NotificationsClient = boundedClient(BEAT_MS);

/** Ids, each once, joined to texts that fit a notification. */
function joinedIds(ids: string[]): string[] {
  const payloads: string[] = [];
  for (const id of new Set(ids)) {
    const last = payloads.at(-1);
    if (last !== undefined && last.length + 1 + id.length <= MAX_PAYLOAD) payloads[payloads.length - 1] = `${last}${BETWEEN_IDS}${id}`;
    else payloads.push(id);
  }
  return payloads;
}
