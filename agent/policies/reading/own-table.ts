import { ZodError } from 'zod';
import type { ActualPolicy } from '../../../proto/model/policy/actual.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { listTable } from '../../firewall/tables/nft.ts';
import { POLICY_TABLE } from '../policy-table.ts';
import { readRuleset, type FoundTable } from '../read-ruleset.ts';
import { rulesIn } from '../rules-in.ts';

const NAME = `${POLICY_TABLE.family} ${POLICY_TABLE.table}`;

/** Our table as it is listed; undefined if it is not there. Throws FleetError, and ZodError or SyntaxError for what is no listing. */
export async function foundOwnTable(): Promise<FoundTable | undefined> {
  const json = await listTable(NAME, [], 'Rules, helpers and limits cannot be set here');
  return json === undefined ? undefined : readRuleset(json);
}

/** What is in our table, or why it cannot be there. `unread` as in PolicyReading. */
export async function readOwnTable(): Promise<Pick<ActualPolicy, 'table' | 'noTable'> & { unread: string[] }> {
  try {
    const found = await foundOwnTable();
    return { ...(found && { table: rulesIn(found) }), unread: [] };
  } catch (error) {
    if (error instanceof FleetError) return { noTable: error.message, unread: [] };
    if (!(error instanceof ZodError) && !(error instanceof SyntaxError)) throw error;
    return { unread: [`What nft says of the table ${NAME} cannot be read: ${error.message.split('\n')[0]}.`] };
  }
}
