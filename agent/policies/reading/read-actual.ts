import { DecodeError } from '../../netlink/attributes.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { whyNoRules } from '../../conntrack/stale/kernel-rules.ts';
import { readGeneration, readKernelRuleset } from '../../firewall/rules/kernel-ruleset.ts';
import { FAMILY, type Chain } from '../../firewall/rules/ruleset.ts';
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

export function readActual(rules = new TrackingRules()): ReadingWithoutTable {
  const { settings, unsettable, unread } = readSettings();
  const { foreign, inUse, why } = rules.read();
  const helpers = helpersOf(readModuleFacts(), inUse);
  return {
    actual: {
      settings,
      unsettable,
      helpers: helpers.filter(isHelperThere).map(({ name, state }) => ({ name, isLoaded: state !== 'loadable' })),
    },
    helpers,
    foreign: why === undefined ? foreign : { ...foreign, unread: [...foreign.unread, why] },
    unread,
  };
}

/** What rules of others say of tracking, and the helpers that any rules assign. `why`: something of it is missing, or all. */
interface FoundRules {
  foreign: ForeignTracking;
  inUse: ReadonlySet<string>;
  why?: string;
}

/** What rules say, read again once any of them has changed: a hundred thousand take a second. One for each network namespace. */
export class TrackingRules {
  #known: (FoundRules & { generation: number }) | undefined;

  read(): FoundRules {
    try {
      const generation = readGeneration();
      if (generation === 0 || this.#known?.generation !== generation) {
        const ruleset = readKernelRuleset({ withObjects: true });
        const inUse = new Set(ruleset.objects?.flatMap(({ helper }) => helper ?? []));
        this.#known = { generation, foreign: foreignTracking(ruleset, isOurs), inUse };
      }
      const why = whyNoRules();
      return why === undefined ? this.#known : { ...this.#known, why };
    } catch (error) {
      if (!(error instanceof NetlinkError) && !(error instanceof DecodeError)) throw error;
      const nothing = { foreign: { rules: [], undecoded: [], unread: [], left: 0 }, inUse: new Set<string>() };
      return { ...nothing, why: whyNoRules() ?? `The rules could not be read: ${error.message}.` };
    }
  }
}

function isOurs({ family, table }: Chain): boolean {
  return family === FAMILY.inet && OURS.has(table);
}
