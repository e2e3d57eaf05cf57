import { ZodError } from 'zod';
import type { ActualPolicy } from '../../../proto/model/policy/actual.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { listTable } from '../../firewall/tables/nft.ts';
import { POLICY_TABLE } from '../policy-table.ts';
import { readRuleset } from '../read-ruleset.ts';
import { rulesIn } from '../rules-in.ts';

const NAME = `${POLICY_TABLE.family} ${POLICY_TABLE.table}`;

/** What is in our table, or why it cannot be there. `unread` as in PolicyReading. */
export async function readOwnTable(): Promise<Pick<ActualPolicy, 'table' | 'noTable'> & { unread: string[] }> {
  try {
    const json = await listTable(NAME, [], 'Rules, helpers and limits cannot be set here');
    return { ...(json !== undefined && { table: rulesIn(readRuleset(json)) }), unread: [] };
  } catch (error) {
    if (error instanceof FleetError) return { noTable: error.message, unread: [] };
    if (!(error instanceof ZodError) && !(error instanceof SyntaxError)) throw error;
    return { unread: [`What nft says of the table ${NAME} cannot be read: ${error.message.split('\n')[0]}.`] };
  }
}
