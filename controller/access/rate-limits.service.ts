import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Database } from '../platform/database.ts';

/** How many tries in how many seconds, per key. */
const LIMITS = {
  'sign-in-account': { points: 10, duration: 300 },
  'sign-in-address': { points: 60, duration: 300 },
  'enrol-address': { points: 30, duration: 60 },
  'hook-address': { points: 60, duration: 60 },
} as const;
export type LimitName = keyof typeof LIMITS;

/** Limits that hold over all replicas, counted in Postgres. */
@Injectable()
export class RateLimits {
  private readonly limiters: Record<LimitName, RateLimiterPostgres>;

  constructor(@Inject(Database) database: Database) {
    const limiter = (name: LimitName): RateLimiterPostgres => new RateLimiterPostgres({
      storeClient: database.pool, storeType: 'pool', tableName: 'rate_limit', tableCreated: true, clearExpiredByTimeout: name === 'enrol-address', keyPrefix: name, ...LIMITS[name],
    });
    this.limiters = { 'sign-in-account': limiter('sign-in-account'), 'sign-in-address': limiter('sign-in-address'), 'enrol-address': limiter('enrol-address'), 'hook-address': limiter('hook-address') };
  }

  /** Counts one try. Throws RATE_LIMITED with the seconds to wait. */
  async take(name: LimitName, key: string): Promise<void> {
    try {
      await this.limiters[name].consume(key.slice(0, 200));
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      throw limited(refusal.msBeforeNext);
    }
  }

  /** Throws RATE_LIMITED if the key has no try left; counts nothing. */
  async check(name: LimitName, key: string): Promise<void> {
    const used = await this.limiters[name].get(key.slice(0, 200));
    if (used && used.consumedPoints >= LIMITS[name].points) throw limited(used.msBeforeNext);
  }

  /** Gives one try back: it was no guess. */
  async giveBack(name: LimitName, key: string): Promise<void> {
    await this.limiters[name].reward(key.slice(0, 200), 1);
  }

  /** Forgets the tries of a key: it proved itself. */
  async forgive(name: LimitName, key: string): Promise<void> {
    await this.limiters[name].delete(key.slice(0, 200));
  }
}

function limited(waitMs: number): FleetError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  return new FleetError('RATE_LIMITED', `Too many tries. Wait ${retryAfterSeconds} s.`, { retryAfterSeconds });
}
