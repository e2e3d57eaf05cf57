import { Inject, Injectable } from '@nestjs/common';
import { X509Certificate } from 'node:crypto';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import type { ListenerTls } from '../platform/grpc-listener.ts';
import { hostName } from '../platform/host-name.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { AUTHORITY, type Authority } from './authority.ts';
import { AuthorityRepository } from './authority.repository.ts';

/** Listeners renew once a day: who did not for this long is gone. */
const UNSEEN_MS = 3 * 86_400_000;

/** Certificates of this controller's listeners. When each ends is in the database, so that any controller can say so. */
@Injectable()
export class ServerCertificatesService {
  constructor(
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(AuthorityRepository) private readonly repository: AuthorityRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What a listener presents from now on. Throws where nothing can be issued: then what it presented before still counts. */
  async issue(listener: 'enrol' | 'link'): Promise<ListenerTls> {
    try {
      const issued = await this.authority.issueServer(this.clock());
      await this.note(listener, new Date(new X509Certificate(issued.chain).validTo));
      return issued;
    } catch (error) {
      this.logger.warn({ err: error, listener }, 'no certificate could be issued for a listener');
      await this.note(listener);
      throw error;
    }
  }

  /** A listener goes on without the note. */
  private async note(listener: 'enrol' | 'link', endsAt?: Date): Promise<void> {
    const name = `${hostName()}:${this.config[listener].port}`;
    const seenAt = new Date(this.clock());
    await this.database
      .transact('all', (t) => this.repository.putController(t, name, endsAt, seenAt, new Date(seenAt.getTime() - UNSEEN_MS)))
      .catch((error: unknown) => this.logger.warn({ err: error, listener }, 'the end of a listener’s certificate could not be noted'));
  }
}
