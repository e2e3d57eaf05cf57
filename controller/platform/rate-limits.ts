import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Database } from './database.ts';

/** Allowed tries per key and time in seconds. Each noun declares its own. Throws if another limit has the name. */
export class RateLimit {
  private static readonly names = new Set<string>();
  readonly tries: number;
  readonly seconds: number;

  constructor(
    readonly name: string,
    { tries, seconds }: { tries: number; seconds: number },
  ) {
    if (RateLimit.names.has(name)) throw new Error(`there are two rate limits named ${name}`);
    RateLimit.names.add(name);
    [this.tries, this.seconds] = [tries, seconds];
  }
}

/** Limits across all replicas, counted in Postgres. Retention removes expired counts. */
@Injectable()
export class RateLimits {
  private readonly limiters = new Map<RateLimit, RateLimiterPostgres>();

  constructor(@Inject(Database) private readonly database: Database) {}

  /** Counts one try; returns the current count. Throws RATE_LIMITED with the seconds to wait. */
  async take(limit: RateLimit, key: string): Promise<number> {
    try {
      return (await this.limiterOf(limit).consume(toKey(key))).consumedPoints;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      throw limited(refusal.msBeforeNext);
    }
  }

  /** Counts a try; true if there was one left, for what counts a number of times and is wrong from then on. */
  async isFirst(limit: RateLimit, key: string): Promise<boolean> {
    return this.take(limit, key).then(
      () => true,
      (error: unknown) => {
        if (error instanceof FleetError && error.code === 'RATE_LIMITED') return false;
        throw error;
      },
    );
  }

  /** Throws RATE_LIMITED if the key has no tries left; counts nothing. */
  async check(limit: RateLimit, key: string): Promise<void> {
    const used = await this.limiterOf(limit).get(toKey(key));
    if (used && used.consumedPoints >= limit.tries) throw limited(used.msBeforeNext);
  }

  /** Returns one try: it was not a guess. */
  async giveBack(limit: RateLimit, key: string): Promise<void> {
    await this.limiterOf(limit).reward(toKey(key), 1);
  }

  /** Resets the tries of a key that proved itself. */
  async forgive(limit: RateLimit, key: string): Promise<void> {
    await this.limiterOf(limit).delete(toKey(key));
  }

  /** Remembers the key from now on for the limit's time, without counting. */
  async remember(limit: RateLimit, key: string): Promise<void> {
    await this.limiterOf(limit).set(toKey(key), 1, limit.seconds);
  }

  async isRemembered(limit: RateLimit, key: string): Promise<boolean> {
    return ((await this.limiterOf(limit).get(toKey(key)))?.consumedPoints ?? 0) > 0;
  }

  private limiterOf(limit: RateLimit): RateLimiterPostgres {
    const known = this.limiters.get(limit);
    if (known) return known;
    const limiter = new RateLimiterPostgres({
      storeClient: this.database.pool,
      storeType: 'pool',
      tableName: 'rate_limit',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: limit.name,
      points: limit.tries,
      duration: limit.seconds,
    });
    this.limiters.set(limit, limiter);
    return limiter;
  }
}

/** A key of any length and spelling as one that fits the table. */
function toKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

function limited(waitMs: number): FleetError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  return new FleetError('RATE_LIMITED', `Too many attempts. Wait ${retryAfterSeconds} s.`, { retryAfterSeconds });
}
