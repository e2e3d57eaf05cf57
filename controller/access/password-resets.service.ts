import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import { addressKey } from './limit-key.ts';
import { PasswordResetsRepository } from './password-resets.repository.ts';
import { RESET_ADDRESS, RESET_ACCOUNT } from './rate-limits.ts';

/**
 * Requests for a new password by whoever is not signed in. Whether somebody has the address is looked up later, where the mail is sent
 * (mail-delivery.service.ts): the answer and what is done before it are the same for every address.
 */
@Injectable()
export class PasswordResetsService {
  constructor(
    @Inject(PasswordResetsRepository) private readonly resets: PasswordResetsRepository,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Without a mail server nothing could be sent. */
  get isOffered(): boolean {
    return this.config.smtp !== undefined;
  }

  /** Throws CAPABILITY_MISSING, and RATE_LIMITED for an address that asks too often. Too often for one account is nobody's business. */
  async ask(email: string, address: string): Promise<void> {
    if (!this.isOffered) throw new FleetError('CAPABILITY_MISSING', 'No mail is sent from here. Ask an owner or admin for a sign-in link.');
    await this.limits.take(RESET_ADDRESS, addressKey(address));
    if (!(await this.limits.isFirst(RESET_ACCOUNT, email))) return;
    await this.database.transact('all', (t) => this.resets.insert(t, { email, address, askedAt: new Date(this.clock()) }));
  }
}
