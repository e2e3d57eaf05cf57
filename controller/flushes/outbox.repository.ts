import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';

/** Rows per transaction. */
const MAX_AT_ONCE = 200;

export interface OutboxRow {
  id: string;
  gateway_id: string;
}

/** Outbox rows, shared by the commands of all tenants. */
@Injectable()
export class OutboxRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Passes rows that were never queued, or were queued before `staleBefore` without progress, to `hand`, and marks them. Rows locked by
   * another relay are skipped. If `hand` throws, nothing is marked and the rows are returned again later. True if there may be more.
   */
  async relay(now: Date, staleBefore: Date, hand: (rows: OutboxRow[]) => Promise<void>): Promise<boolean> {
    return this.database.transact('all', async (t) => {
      const rows = await t.$queryRaw<OutboxRow[]>`
        SELECT id, gateway_id FROM outbox WHERE queued_at IS NULL OR queued_at <= ${staleBefore}
        ORDER BY id LIMIT ${MAX_AT_ONCE} FOR UPDATE SKIP LOCKED`;
      if (rows.length === 0) return false;
      await hand(rows);
      await t.outbox.updateMany({ where: { id: { in: rows.map((row) => row.id) } }, data: { queuedAt: now } });
      return rows.length === MAX_AT_ONCE;
    });
  }
}
