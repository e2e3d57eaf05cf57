import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Database } from './database.ts';

/** How many tries in how many seconds, per key. */
const LIMITS = {
  /** An account from one address; all addresses that never signed in to an account; an address. */
  'sign-in-pair': { points: 10, duration: 300 },
  'sign-in-account': { points: 30, duration: 900 },
  'sign-in-address': { points: 60, duration: 300 },
  'change-password': { points: 10, duration: 900 },
  'enrol-address': { points: 30, duration: 60 },
  'hook-address': { points: 60, duration: 60 },
} as const;
export type LimitName = keyof typeof LIMITS;

/** What is remembered without being counted, and for how many seconds. */
const MEMORIES = { 'sign-in-known': { points: 1, duration: 90 * 86_400 } } as const;
export type MemoryName = keyof typeof MEMORIES;

/** Limits that hold over all replicas, counted in Postgres. */
@Injectable()
export class RateLimits {
  private readonly limiters: Record<LimitName | MemoryName, RateLimiterPostgres>;

  constructor(@Inject(Database) database: Database) {
    const limiters = Object.entries({ ...LIMITS, ...MEMORIES }).map(([name, limit]) => [
      name,
      new RateLimiterPostgres({
        storeClient: database.pool,
        storeType: 'pool',
        tableName: 'rate_limit',
        tableCreated: true,
        clearExpiredByTimeout: name === 'enrol-address',
        keyPrefix: name,
        ...limit,
      }),
    ]);
    this.limiters = Object.fromEntries(limiters) as Record<LimitName | MemoryName, RateLimiterPostgres>;
  }

  /** Counts one try; returns how many there are now. Throws RATE_LIMITED with the seconds to wait. */
  async take(name: LimitName, key: string): Promise<number> {
    try {
      return (await this.limiters[name].consume(toKey(key))).consumedPoints;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      throw limited(refusal.msBeforeNext);
    }
  }

  /** Throws RATE_LIMITED if the key has no try left; counts nothing. */
  async check(name: LimitName, key: string): Promise<void> {
    const used = await this.limiters[name].get(toKey(key));
    if (used && used.consumedPoints >= LIMITS[name].points) throw limited(used.msBeforeNext);
  }

  /** Gives one try back: it was no guess. */
  async giveBack(name: LimitName, key: string): Promise<void> {
    await this.limiters[name].reward(toKey(key), 1);
  }

  /** Forgets the tries of a key: it proved itself. */
  async forgive(name: LimitName, key: string): Promise<void> {
    await this.limiters[name].delete(toKey(key));
  }

  /** How many tries there are. */
  most(name: LimitName): number {
    return LIMITS[name].points;
  }

  /** Remembers the key from now on, for as long as the table above says. */
  async remember(name: MemoryName, key: string): Promise<void> {
    await this.limiters[name].set(toKey(key), 1, MEMORIES[name].duration);
  }

  async isRemembered(name: MemoryName, key: string): Promise<boolean> {
    return ((await this.limiters[name].get(toKey(key)))?.consumedPoints ?? 0) > 0;
  }
}

/** A key of any length and spelling as one that the table takes. */
function toKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

function limited(waitMs: number): FleetError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  return new FleetError('RATE_LIMITED', `Too many attempts. Wait ${retryAfterSeconds} s.`, { retryAfterSeconds });
}
