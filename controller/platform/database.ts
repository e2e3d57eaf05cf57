import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient, type Prisma } from '../generated/prisma/client.ts';
import { boundedClient, DatabaseSilent, LONG, sessionOf, USUAL, type Patience } from './bounded-client.ts';
import { CONFIG, type Config } from './config.ts';
import { toSetting, type TenantScope } from './tenant-scope.ts';

/** A transaction with its tenant scope set; what repositories work on. */
export type Transaction = Prisma.TransactionClient;

/** What a transaction does last with what was gathered for it. */
type LastStep<T> = (transaction: Transaction, gathered: readonly T[]) => Promise<void>;

const PING_MS = 1500;

/**
 * Postgres as a member of the application's role (login.ts), which owns nothing and cannot bypass row-level security. Everything with a
 * tenant goes through `transact`; outside of it no tenant's rows are visible. Every wait is bounded (bounded-client.ts).
 */
@Injectable()
export class Database implements OnApplicationShutdown {
  readonly pool: pg.Pool;
  /** Without a scope: for tables that have no tenant (users, sessions, rate limits). */
  readonly unscoped: PrismaClient;
  /** A connection for what must not wait for others: the heartbeat of this replica. */
  readonly vital: pg.Pool;
  /** For the few long statements, so that they do not take connections from the others. */
  private readonly patient: { pool: pg.Pool; client: PrismaClient };
  /** By transaction: what is done last, and with what. */
  private readonly last = new WeakMap<Transaction, Map<LastStep<never>, unknown[]>>();
  private pinging: Promise<unknown> | undefined;

  constructor(@Inject(CONFIG) config: Config) {
    this.pool = poolOf(config, USUAL, 20);
    this.unscoped = new PrismaClient({ adapter: new PrismaPg(this.pool) });
    this.vital = poolOf(config, USUAL, 1);
    const pool = poolOf(config, LONG, 2);
    this.patient = { pool, client: new PrismaClient({ adapter: new PrismaPg(pool) }) };
  }

  /**
   * Runs `work` in one transaction that sees only the tenants in scope. Rolls back if it throws. `timeoutMs` covers the whole transaction;
   * each statement has its own limit, a long one only with `hasLongStatements`.
   */
  async transact<T>(
    scope: TenantScope,
    work: (transaction: Transaction) => Promise<T>,
    options: { timeoutMs?: number; hasLongStatements?: boolean } = {},
  ): Promise<T> {
    const setting = toSetting(scope);
    const client = options.hasLongStatements ? this.patient.client : this.unscoped;
    return client.$transaction(
      async (transaction) => {
        await transaction.$executeRaw`SELECT set_config('app.tenants', ${setting}, true)`;
        const steps = new Map<LastStep<never>, unknown[]>();
        this.last.set(transaction, steps);
        const result = await work(transaction);
        this.last.delete(transaction);
        for (const [step, gathered] of steps) await step(transaction, gathered as never[]);
        return result;
      },
      { maxWait: 5000, timeout: options.timeoutMs ?? 15_000 },
    );
  }

  /**
   * Gathers what `step` is to do at the end of a transaction, after all its other work. What takes a lock that many transactions need
   * belongs there: it is then held for a moment only, and after every other lock, so that two transactions cannot wait for each other.
   */
  lastly<T>(transaction: Transaction, step: LastStep<T>): T[] {
    const steps = this.last.get(transaction);
    if (!steps) throw new Error('this transaction was not begun by Database.transact, or has ended');
    const gathered = (steps.get(step as LastStep<never>) ?? []) as T[];
    steps.set(step as LastStep<never>, gathered);
    return gathered;
  }

  /** Throws if Postgres does not answer within 1.5 s. */
  async ping(): Promise<void> {
    // Concurrent callers share one ping.
    this.pinging ??= this.pool.query('SELECT 1').finally(() => {
      this.pinging = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DatabaseSilent(PING_MS)), PING_MS);
    });
    await Promise.race([this.pinging, late]).finally(() => clearTimeout(timer));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.unscoped, this.patient.client].map((client) => client.$disconnect()));
    await Promise.allSettled([this.pool, this.vital, this.patient.pool].map((pool) => pool.end()));
  }
}

function poolOf(config: Config, patience: Patience, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: config.databaseUrl,
    application_name: 'ctfleet',
    max,
    ...sessionOf(patience),
    Client: boundedClient(patience.answerMs),
  });
  // A connection that breaks while idle is replaced on next use.
  pool.on('error', () => undefined);
  return pool;
}

/** True for Prisma's unique violation (P2002). */
export function isUniqueViolation(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'P2002';
}
