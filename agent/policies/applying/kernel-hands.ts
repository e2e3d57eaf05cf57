import { setTimeout as delay } from 'node:timers/promises';
import { changeNfTables, type NfChange } from '../../firewall/tables/nf-batch.ts';
import { nftJson } from '../../firewall/tables/nft.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { writeKernelSetting } from '../../disk/kernel-setting.ts';
import { OwnTable } from '../own-table.ts';
import type { PolicyTable } from '../policy-table.ts';
import { readSettings } from '../reading/settings.ts';
import { madeParts, removedPart } from '../table-parts.ts';
import { transactionTo, type TableTransaction } from '../transaction.ts';
import type { PolicyKernel } from './kernel.ts';
import { leftoversOf, withoutLeftovers } from './table-match.ts';

const DIRECTORY = '/proc/sys/net/netfilter';
const MISSING = 'The rules of the policy cannot be set';
/** A firewall that is loaded again between look and replacement makes it fail once; more often is something else. */
const TRIES = 4;
const PAUSE_MS = 50;
const EMPTY: PolicyTable = { timeouts: [], helpers: [], limits: [], chains: [] };

/** The kernel of the network namespace that the calling thread is in. */
export function kernelHandsOf(own: OwnTable = new OwnTable()): PolicyKernel {
  return {
    settings: () => readSettings().settings,
    set: (setting, value) => writeKernelSetting(`${DIRECTORY}/${setting}`, value),
    table: () => own.found(),
    replaceTable: (to, { keeping = false } = {}) =>
      trying(async () => {
        const names = (await own.found())?.names;
        if (!names && !to) return;
        if (!names || !keeping) return carryOut(transactionTo(to, names));
        return carryOut(transactionTo(to ?? EMPTY, withoutLeftovers(names, to ?? EMPTY)));
      }),
    async tidyTable(to) {
      const found = await own.found();
      if (!found) return;
      if (!to) return carryOut(transactionTo(undefined, found.names));
      await remove(leftoversOf(found.table, to));
    },
  };
}

async function carryOut({ prepare, replace, clear }: TableTransaction): Promise<void> {
  change(madeParts(prepare));
  await nftJson(replace, MISSING);
  await remove(clear.map((name) => ({ kind: 'ct timeout', name })));
}

/** What is removed does nothing any more, so that whatever keeps it harms nobody. Flows may still hold one for a moment. */
async function remove(parts: ReturnType<typeof leftoversOf>): Promise<void> {
  const removals = parts.map(({ kind, name }) => removedPart(kind, name));
  await trying(async () => change(removals)).catch(async () => {
    for (const one of removals) await trying(async () => change([one])).catch(() => undefined);
  });
}

/** Throws CAPABILITY_MISSING with what the kernel says. */
function change(changes: readonly NfChange[]): void {
  try {
    changeNfTables(changes);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    throw new FleetError('CAPABILITY_MISSING', `${MISSING}: ${error.message}.`, {}, { cause: error });
  }
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
