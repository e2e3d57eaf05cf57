import type { ActualPolicy, OwnTable } from '../../../proto/model/policy/actual.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { listTable } from '../../firewall/tables/nft.ts';

/** Our own nft table, which policies make; of family inet. */
export const POLICY_TABLE = 'ctfleet_policy';

/** Makes rules again of what `nft -j -n list table` says of it. */
export type ReadOwnTable = (json: string) => OwnTable;

/** What is in our table, or why it cannot be there. `unread` as in PolicyReading. */
export async function readOwnTable(
  read: ReadOwnTable | undefined,
): Promise<Pick<ActualPolicy, 'table' | 'noTable'> & { unread: string[] }> {
  try {
    const json = await listTable(`inet ${POLICY_TABLE}`, [], 'Rules, helpers and limits cannot be set here');
    if (json === undefined) return { unread: [] };
    if (!read) return { unread: [`The table inet ${POLICY_TABLE} is there, and this agent cannot read it: update the agent.`] };
    return { table: read(json), unread: [] };
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return { noTable: error.message, unread: [] };
  }
}
