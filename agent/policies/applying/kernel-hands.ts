import { setTimeout as delay } from 'node:timers/promises';
import { changeNfTables, type NfChange } from '../../firewall/tables/nf-batch.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { writeKernelSetting } from '../../disk/kernel-setting.ts';
import { OwnTable } from '../own-table.ts';
import type { PolicyTable } from '../policy-table.ts';
import { readSettings } from '../reading/settings.ts';
import type { FoundTable } from '../read-ruleset.ts';
import { removedTable, replacement } from '../table-messages.ts';
import { removedPart } from '../table-parts.ts';
import type { PolicyKernel } from './kernel.ts';
import { afterReplacement, leftoversOf, withoutLeftovers, withoutParts, type TablePart } from './table-match.ts';

const DIRECTORY = '/proc/sys/net/netfilter';
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
        const found = await own.found();
        if (!found && !to) return;
        if (!to && !keeping) return change([removedTable()]);
        const table = to ?? EMPTY;
        const messages = replacement(table, found && (keeping ? withoutLeftovers(found.names, table) : found.names));
        change(messages);
        const now = afterReplacement(table, found, { keeping });
        if (now) own.made(messages, now);
        if (!keeping && found) await remove(own, now, leftoversOf(found.table, table));
      }),
    async tidyTable(to) {
      const found = await own.found();
      if (!found) return;
      if (!to) return change([removedTable()]);
      await remove(own, found, leftoversOf(found.table, to));
    },
  };
}

/** What is removed does nothing any more, so that whatever keeps it harms nobody. Flows may still hold one for a moment. */
async function remove(own: OwnTable, found: FoundTable | undefined, parts: readonly TablePart[]): Promise<void> {
  const removals = parts.map(({ kind, name }) => removedPart(kind, name));
  if (removals.length === 0) return;
  try {
    if (found) own.change(() => change(removals), withoutParts(found, parts));
    else change(removals);
  } catch {
    for (const one of removals) await trying(async () => change([one])).catch(() => undefined);
  }
}

/** Throws CAPABILITY_MISSING with what the kernel says. */
function change(changes: readonly NfChange[]): void {
  try {
    changeNfTables(changes);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    throw new FleetError('CAPABILITY_MISSING', `The rules of the policy cannot be set: ${error.message}.`, {}, { cause: error });
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
