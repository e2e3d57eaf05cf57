import { DecodeError } from '../../netlink/attributes.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { whyNoRules } from '../../conntrack/stale/kernel-rules.ts';
import { readKernelRuleset } from '../../firewall/rules/kernel-ruleset.ts';
import { FAMILY, type Chain, type Ruleset } from '../../firewall/rules/ruleset.ts';
import { BLOCK_TABLE } from '../../firewall/tables/block-rules.ts';
import { RESET_TABLE } from '../../firewall/tables/refusal-rules.ts';
import type { ForeignTracking } from '../../../proto/model/policy/foreign-tracking.ts';
import { isHelperThere, type PolicyReading } from '../../../proto/model/policy/gateway-reading.ts';
import { POLICY_TABLE } from '../policy-table.ts';
import { foreignTracking } from './foreign-tracking.ts';
import { helpersOf } from './helpers.ts';
import { readModuleFacts } from './module-facts.ts';
import { readSettings } from './settings.ts';

/** Of family inet, as all that we make. */
const OURS: ReadonlySet<string> = new Set([POLICY_TABLE.table, RESET_TABLE, BLOCK_TABLE.split(' ')[1]!]);

/**
 * All that is read in one go from the network namespace of the calling thread: everything but our own table. Blocks for some milliseconds.
 */
export type ReadingWithoutTable = Omit<PolicyReading, 'actual'> & { actual: Omit<PolicyReading['actual'], 'table'> };

export function readActual(): ReadingWithoutTable {
  const { settings, unsettable, unread } = readSettings();
  const { ruleset, why } = readRules();
  const inUse = new Set(ruleset?.objects?.flatMap(({ helper }) => helper ?? []));
  const helpers = helpersOf(readModuleFacts(), inUse);
  const foreign: ForeignTracking = ruleset ? foreignTracking(ruleset, isOurs) : { rules: [], undecoded: [], unread: [], left: 0 };
  if (why !== undefined) foreign.unread.push(why);
  return {
    actual: {
      settings,
      unsettable,
      helpers: helpers.filter(isHelperThere).map(({ name, state }) => ({ name, isLoaded: state !== 'loadable' })),
    },
    helpers,
    foreign,
    unread,
  };
}

function isOurs({ family, table }: Chain): boolean {
  return family === FAMILY.inet && OURS.has(table);
}

/** The rules, and why some are missing or all. */
function readRules(): { ruleset?: Ruleset; why?: string } {
  try {
    const ruleset = readKernelRuleset({ withObjects: true });
    return { ruleset, why: whyNoRules() };
  } catch (error) {
    if (!(error instanceof NetlinkError) && !(error instanceof DecodeError)) throw error;
    return { why: whyNoRules() ?? `The rules could not be read: ${error.message}.` };
  }
}
