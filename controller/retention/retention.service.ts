import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { IDEMPOTENCY_KEPT_DAYS } from '../../proto/http/common.ts';
import type { getRetention } from '../../proto/http/retention.ts';
import { AuditRetentionService } from '../audit/audit-retention.service.ts';
import { RETENTION_DAYS } from '../history/resolution.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { RetentionRepository, type TableSize } from './retention.repository.ts';

const DAY_MS = 86_400_000;
/** Rows per transaction, so that nobody waits for it. */
const PLANS_AT_ONCE = 20;
const COMMANDS_AT_ONCE = 1000;
const TOKENS_AT_ONCE = 1000;
const ALERTS_AT_ONCE = 1000;
/** Each with a thousand gateways or two. */
const ROLLOUTS_AT_ONCE = 20;

/** Deletes expired rows, and reports what is kept and how large it is. */
@Injectable()
export class RetentionService {
  constructor(
    @Inject(RetentionRepository) private readonly repository: RetentionRepository,
    @Inject(AuditRetentionService) private readonly audit: AuditRetentionService,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Deletes in small batches. Running twice at once is harmless. */
  async drop(): Promise<void> {
    const { flowsDays, commandsDays, plansDays, tokensDays, auditDays } = this.config.retain;
    const before = (days: number): Date => new Date(this.clock() - days * DAY_MS);
    await this.inParts(PLANS_AT_ONCE, (t) => this.repository.dropPlanFlows(t, before(flowsDays), PLANS_AT_ONCE));
    await this.inParts(PLANS_AT_ONCE, (t) => this.repository.dropRunFlows(t, before(flowsDays), PLANS_AT_ONCE));
    await this.inParts(COMMANDS_AT_ONCE, (t) => this.repository.dropCommands(t, before(commandsDays), COMMANDS_AT_ONCE));
    // After the commands, because plans are kept while they have commands.
    await this.inParts(PLANS_AT_ONCE, (t) => this.repository.dropPlans(t, before(plansDays), PLANS_AT_ONCE));
    await this.inParts(PLANS_AT_ONCE, (t) => this.repository.dropRuns(t, before(plansDays), PLANS_AT_ONCE));
    await this.inParts(ALERTS_AT_ONCE, (t) => this.repository.dropAlerts(t, before(plansDays), ALERTS_AT_ONCE));
    await this.inParts(TOKENS_AT_ONCE, (t) => this.repository.dropJoinTokens(t, before(tokensDays), TOKENS_AT_ONCE));
    await this.inParts(ROLLOUTS_AT_ONCE, (t) => this.repository.dropRollouts(t, before(tokensDays), ROLLOUTS_AT_ONCE));
    await this.inParts(TOKENS_AT_ONCE, (t) => this.repository.dropApiTokens(t, before(tokensDays), TOKENS_AT_ONCE));
    await this.inParts(TOKENS_AT_ONCE, (t) => this.repository.dropServiceAccounts(t, before(tokensDays), TOKENS_AT_ONCE));
    await this.database.transact('all', (t) => this.repository.dropEnded(t, new Date(this.clock()), before(IDEMPOTENCY_KEPT_DAYS)));
    await this.audit.dropBefore(before(auditDays));
  }

  /** How long everything is kept, and how large each table is. */
  async show(withTables: boolean): Promise<z.output<typeof getRetention.response>> {
    const { flowsDays: flows, commandsDays: commands, plansDays: plans, tokensDays: tokens, auditDays: audit } = this.config.retain;
    const tables = withTables
      ? (await this.tableSizes()).map(({ name, rows, bytes }) => ({ name, rows: Number(rows), bytes: Number(bytes) }))
      : undefined;
    const { raw: samples, minute: minutes, hour: hours } = RETENTION_DAYS;
    return { days: { samples, minutes, hours, flows, commands, plans, tokens, answers: IDEMPOTENCY_KEPT_DAYS, audit }, tables };
  }

  /** Every table with its indexes, largest first. */
  async tableSizes(): Promise<TableSize[]> {
    return this.database.transact('all', (t) => this.repository.tableSizes(t));
  }

  private async inParts(size: number, drop: (t: Transaction) => Promise<number>): Promise<void> {
    while ((await this.database.transact('all', drop, { timeoutMs: 100_000, hasLongStatements: true })) >= size) /* the next ones */ ;
  }
}
