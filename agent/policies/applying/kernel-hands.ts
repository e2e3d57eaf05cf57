import { setTimeout as delay } from 'node:timers/promises';
import { ZodError } from 'zod';
import { listTable, nft, nftJson } from '../../firewall/tables/nft.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { writeKernelSetting } from '../../disk/kernel-setting.ts';
import { POLICY_TABLE, type PolicyTable } from '../policy-table.ts';
import { readRuleset, type FoundTable } from '../read-ruleset.ts';
import { readSettings } from '../reading/settings.ts';
import { transactionTo, type TableTransaction } from '../transaction.ts';
import type { PolicyKernel } from './kernel.ts';
import { leftoversOf, withoutLeftovers } from './table-match.ts';

const DIRECTORY = '/proc/sys/net/netfilter';
const NAME = `${POLICY_TABLE.family} ${POLICY_TABLE.table}`;
const MISSING = 'The rules of the policy cannot be set';
/** A firewall that is loaded again between look and replacement makes it fail once; more often is something else. */
const TRIES = 4;
const PAUSE_MS = 50;
const EMPTY: PolicyTable = { timeouts: [], helpers: [], limits: [], chains: [] };

/** The kernel of the network namespace that the calling thread is in. */
export const kernelHands: PolicyKernel = {
  settings: () => readSettings().settings,
  set: (setting, value) => writeKernelSetting(`${DIRECTORY}/${setting}`, value),
  table: foundTable,
  replaceTable: (to, { keeping = false } = {}) =>
    trying(async () => {
      const names = (await foundTable())?.names;
      if (!names && !to) return;
      if (!names || !keeping) return carryOut(transactionTo(to, names));
      return carryOut(transactionTo(to ?? EMPTY, withoutLeftovers(names, to ?? EMPTY)));
    }),
  async tidyTable(to) {
    const found = await foundTable();
    if (!found) return;
    if (!to) return carryOut(transactionTo(undefined, found.names));
    for (const { kind, name } of leftoversOf(found.table, to)) await clear(`delete ${kind} ${NAME} ${name}\n`);
  },
};

async function foundTable(): Promise<FoundTable | undefined> {
  const json = await listTable(NAME, [], MISSING);
  if (json === undefined) return undefined;
  try {
    return readRuleset(json);
  } catch (error) {
    if (!(error instanceof ZodError) && !(error instanceof SyntaxError)) throw error;
    const why = error.message.split('\n')[0];
    throw new FleetError('INTERNAL', `What nft says of the table ${NAME} cannot be read: ${why}.`, {}, { cause: error });
  }
}

async function carryOut({ prepare, replace, clear: commands }: TableTransaction): Promise<void> {
  if (prepare) await nft(['-f', '-'], prepare, MISSING);
  await nftJson(replace, MISSING);
  for (const command of commands) await clear(command);
}

/** What is removed does nothing any more, so that whatever keeps it harms nobody. */
async function clear(command: string): Promise<void> {
  await trying(() => nft(['-f', '-'], command, MISSING)).catch(() => undefined);
}

async function trying<T>(work: () => Promise<T>): Promise<T> {
  for (let left = TRIES - 1; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
      await delay(PAUSE_MS);
    }
  }
}
