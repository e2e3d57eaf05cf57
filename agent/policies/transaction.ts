import { chainObject, ruleObject } from './nft-json.ts';
import { POLICY_TABLE, type PolicyTable } from './policy-table.ts';
import type { TableParts } from './table-parts.ts';

/** What a listing says is there, by kind, ours or not. */
export interface PresentNames {
  chains: readonly string[];
  sets: readonly { name: string; family?: 4 | 6 }[];
  timeouts: readonly string[];
  helpers: readonly string[];
  others: readonly { kind: (typeof FOREIGN_KINDS)[number]; name: string }[];
}

/** What we make none of, and nft can remove. */
export const FOREIGN_KINDS = ['map', 'counter', 'quota', 'limit', 'flowtable'] as const;

/**
 * How a table is replaced, in three steps. `replace` is the only one that packets notice, and is one transaction; what `prepare` makes does
 * nothing until a rule of `replace` refers to it, and what `clear` removes does nothing any more.
 */
export interface TableTransaction {
  prepare: TableParts;
  /** JSON for `nft -j -f`, from a file or a pipe: nft 1.0.6 cannot open the socket that Node gives as standard input. */
  replace: string;
  /** Names of timeouts, each to be removed by itself: flows may still hold them for a moment. */
  clear: string[];
}

/** The commands that turn what is there into this table, whoever made it; a limit set of the same name stays, with what it has counted. */
export function transactionTo(table: PolicyTable | undefined, present: PresentNames | undefined): TableTransaction {
  if (!table)
    return { prepare: { timeouts: [], limits: [] }, replace: nftables(present ? [{ delete: { table: OUR_TABLE } }] : []), clear: [] };
  const isKept = (set: PresentNames['sets'][number]): boolean =>
    table.limits.some(({ name, family }) => name === set.name && family === set.family);
  return {
    prepare: {
      timeouts: table.timeouts.filter(({ name }) => !present?.timeouts.includes(name)),
      limits: table.limits.filter(({ name }) => !present?.sets.some((set) => set.name === name && isKept(set))),
    },
    replace: nftables([
      { add: { table: OUR_TABLE } },
      { flush: { table: OUR_TABLE } },
      ...(present?.others ?? []).map(({ kind, name }) => deleted(kind, name)),
      ...(present?.sets ?? []).filter((set) => !isKept(set)).map(({ name }) => deleted('set', name)),
      ...(present?.chains ?? []).map((name) => deleted('chain', name)),
      ...table.helpers.map(({ name, type, proto }) => ({
        add: { 'ct helper': { ...POLICY_TABLE, name, type, protocol: proto, l3proto: 'inet' } },
      })),
      ...table.chains.map((chain) => ({ add: chainObject(chain) })),
      ...table.chains.flatMap(({ name, rules }) => rules.map((rule) => ({ add: ruleObject(name, rule) }))),
      ...(present?.helpers ?? [])
        .filter((name) => !table.helpers.some((helper) => helper.name === name))
        .map((name) => deleted('ct helper', name)),
    ]),
    clear: present?.timeouts.filter((name) => isOurTimeout(name) && !table.timeouts.some((one) => one.name === name)) ?? [],
  };
}

const OUR_TABLE = { family: POLICY_TABLE.family, name: POLICY_TABLE.table };

function deleted(kind: string, name: string): object {
  return { delete: { [kind]: { ...POLICY_TABLE, name } } };
}

function nftables(commands: readonly object[]): string {
  return JSON.stringify({ nftables: commands });
}

/** Nothing else is removed by name that the listing alone says. */
function isOurTimeout(name: string): boolean {
  return /^to_[0-9a-f]{16}$/.test(name);
}
