import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient, type Prisma } from '../generated/prisma/client.ts';
import { CONFIG, type Config } from './config.ts';
import { toSetting, type TenantScope } from './tenant-scope.ts';

/** A transaction with its tenant scope set; what repositories work on. */
export type Transaction = Prisma.TransactionClient;

/**
 * Postgres as a member of the application's role (login.ts), which owns nothing and cannot step around row-level security.
 * Everything with a tenant goes through `transact`; outside of it no tenant's row is visible.
 */
@Injectable()
export class Database implements OnApplicationShutdown {
  readonly pool: pg.Pool;
  /** Without a scope: for tables that have no tenant (users, sessions, rate limits). */
  readonly unscoped: PrismaClient;

  constructor(@Inject(CONFIG) config: Config) {
    this.pool = new pg.Pool({ connectionString: config.databaseUrl, max: 20, connectionTimeoutMillis: 5000, application_name: 'ctfleet' });
    // A connection that breaks while idle is replaced at the next use.
    this.pool.on('error', () => undefined);
    this.unscoped = new PrismaClient({ adapter: new PrismaPg(this.pool) });
  }

  /** Runs `work` in one transaction that sees the tenants in scope and no other. Rolls back if it throws. */
  async transact<T>(scope: TenantScope, work: (transaction: Transaction) => Promise<T>, options: { timeoutMs?: number } = {}): Promise<T> {
    const setting = toSetting(scope);
    return this.unscoped.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT set_config('app.tenants', ${setting}, true)`;
      return work(transaction);
    }, { maxWait: 5000, timeout: options.timeoutMs ?? 15_000 });
  }

  /** Throws if Postgres does not answer. */
  async ping(): Promise<void> {
    await this.pool.query('SELECT 1');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.unscoped.$disconnect();
    await this.pool.end().catch(() => undefined);
  }
}

/** True for Prisma's unique violation (P2002). */
export function isUniqueViolation(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'P2002';
}
