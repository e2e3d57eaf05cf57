import type { ActualPolicy } from '../../../proto/model/policy/actual.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { OwnTable } from '../own-table.ts';
import { rulesIn } from '../rules-in.ts';

/** What is in our table, or why it cannot be there. `unread` as in PolicyReading. */
export async function readOwnTable(table: OwnTable): Promise<Pick<ActualPolicy, 'table' | 'noTable'> & { unread: string[] }> {
  try {
    const found = await table.found();
    return { ...(found && { table: rulesIn(found) }), unread: [] };
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return error.code === 'INTERNAL' ? { unread: [error.message] } : { noTable: error.message, unread: [] };
  }
}
