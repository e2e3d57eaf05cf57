import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';

export interface OutboxRow { id: string; gateway_id: string }

/** Outbox rows, which belong to all tenants' commands alike. */
@Injectable()
export class OutboxRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Gives each row that was never queued, or queued before `staleBefore` without progress, to `hand`, and marks it. Rows that another relay
   * holds are left to it. If `hand` throws, nothing is marked and the rows come again.
   */
  async relay(now: Date, staleBefore: Date, hand: (row: OutboxRow) => Promise<void>): Promise<number> {
    return this.database.transact('all', async (t) => {
      const rows = await t.$queryRaw<OutboxRow[]>`
        SELECT id, gateway_id FROM outbox WHERE queued_at IS NULL OR queued_at <= ${staleBefore} ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED`;
      for (const row of rows) await hand(row);
      await t.outbox.updateMany({ where: { id: { in: rows.map((row) => row.id) } }, data: { queuedAt: now } });
      return rows.length;
    });
  }
}
