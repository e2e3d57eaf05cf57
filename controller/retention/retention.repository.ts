import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';

export interface TableSize {
  name: string;
  rows: bigint;
  bytes: bigint;
}

@Injectable()
export class RetentionRepository {
  /** Drops the flows of plans made before a time, of at most `most` plans. Returns the number of plans. */
  async dropPlanFlows(t: Transaction, before: Date, most: number): Promise<number> {
    const [row] = await t.$queryRaw<{ plans: number }[]>`SELECT drop_plan_flows(${before}, ${most}::int) AS plans`;
    return row?.plans ?? 0;
  }

  /** Drops the flows of runs reported before a time, of at most `most` runs. Returns the number of runs. */
  async dropRunFlows(t: Transaction, before: Date, most: number): Promise<number> {
    const [row] = await t.$queryRaw<{ runs: number }[]>`SELECT drop_run_flows(${before}, ${most}::int) AS runs`;
    return row?.runs ?? 0;
  }

  /**
   * Drops commands that ended before a time and whose flush has finished; not the newest of a gateway, because its numbers continue from
   * there.
   */
  async dropCommands(t: Transaction, before: Date, most: number): Promise<number> {
    return t.$executeRaw`
      DELETE FROM command WHERE id IN (
        SELECT c.id FROM command AS c JOIN gateway AS g ON g.id = c.gateway_id
        WHERE c.finished_at < ${before} AND c.seq < g.command_seq
          AND NOT EXISTS (SELECT FROM flush WHERE flush.id = c.flush_id AND flush.state = 'running')
          AND NOT EXISTS (SELECT FROM outbox WHERE outbox.command_id = c.id)
        ORDER BY c.finished_at LIMIT ${most})`;
  }

  /** Drops plans made before a time with their flushes, except those that run, can be undone or still have a command. Returns how many. */
  async dropPlans(t: Transaction, before: Date, most: number): Promise<number> {
    const [row] = await t.$queryRaw<{ plans: number }[]>`SELECT drop_plans(${before}, ${most}::int) AS plans`;
    return row?.plans ?? 0;
  }

  /** Drops runs that ended and were reported before a time. Returns how many. */
  async dropRuns(t: Transaction, before: Date, most: number): Promise<number> {
    const [row] = await t.$queryRaw<{ runs: number }[]>`SELECT drop_runs(${before}, ${most}::int) AS runs`;
    return row?.runs ?? 0;
  }

  /** Drops alerts cleared before a time, with their transitions. Returns how many. */
  async dropAlerts(t: Transaction, before: Date, most: number): Promise<number> {
    return t.$executeRaw`
      DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE cleared_at < ${before} ORDER BY cleared_at LIMIT ${most})`;
  }

  /** Drops join tokens used, revoked or expired before a time. Returns how many. */
  async dropJoinTokens(t: Transaction, before: Date, most: number): Promise<number> {
    return t.$executeRaw`
      DELETE FROM enrolment_token WHERE id IN (
        SELECT id FROM enrolment_token WHERE least(used_at, revoked_at, expires_at) < ${before} ORDER BY id LIMIT ${most})`;
  }

  /** Drops roll-outs revoked or expired before a time, with who asked. Returns how many. */
  async dropRollouts(t: Transaction, before: Date, most: number): Promise<number> {
    return t.$executeRaw`
      DELETE FROM rollout WHERE id IN (
        SELECT id FROM rollout WHERE least(revoked_at, expires_at) < ${before} ORDER BY id LIMIT ${most})`;
  }

  /** Drops API tokens revoked or expired before a time. Returns how many. */
  async dropApiTokens(t: Transaction, before: Date, most: number): Promise<number> {
    return t.$executeRaw`
      DELETE FROM api_token WHERE id IN (
        SELECT id FROM api_token WHERE least(revoked_at, expires_at) < ${before} ORDER BY id LIMIT ${most})`;
  }

  /** Drops service accounts that expired before a time, and secrets that a rotation ended. Returns how many accounts. */
  async dropServiceAccounts(t: Transaction, before: Date, most: number): Promise<number> {
    await t.serviceAccountSecret.deleteMany({ where: { endsAt: { lt: before } } });
    return t.$executeRaw`
      DELETE FROM service_account WHERE id IN (
        SELECT id FROM service_account WHERE expires_at < ${before} ORDER BY id LIMIT ${most})`;
  }

  /** Drops expired sessions, expired counts of attempts, and answers stored for idempotency keys before a time. */
  async dropEnded(t: Transaction, now: Date, answersBefore: Date): Promise<void> {
    await t.idempotentRequest.deleteMany({ where: { createdAt: { lt: answersBefore } } });
    await t.session.deleteMany({ where: { expiresAt: { lt: now } } });
    await t.verification.deleteMany({ where: { expiresAt: { lt: now } } });
    await t.rateLimit.deleteMany({ where: { expire: { lt: BigInt(now.getTime()) } } });
  }

  /**
   * Every table with its indexes, largest first; partitions count towards their table. Row counts are estimates: from the last ANALYZE, or
   * from the server's running count if there was none yet.
   */
  async tableSizes(t: Transaction): Promise<TableSize[]> {
    return t.$queryRaw<TableSize[]>`
      SELECT coalesce(parent.relname, c.relname)::text AS name,
             sum(CASE WHEN c.relkind = 'p' THEN 0
                      WHEN c.reltuples < 0 THEN pg_stat_get_live_tuples(c.oid)
                      ELSE c.reltuples END)::bigint AS rows,
             sum(pg_total_relation_size(c.oid))::bigint AS bytes
      FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid LEFT JOIN pg_class AS parent ON parent.oid = i.inhparent
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY 1 ORDER BY bytes DESC, name`;
  }
}
