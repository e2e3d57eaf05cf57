import type { PolicyMatch, PolicyRule } from '../../../proto/model/policy/document.ts';
import { rulePath } from '../../../proto/model/policy/effective.ts';
import { tableOf, type HeldValues } from '../applying/change-set.ts';
import { holdsTable, isSameTable } from '../applying/table-match.ts';
import type { PolicyTable } from '../policy-table.ts';
import { metRulesIn, sparedIn, type TableListing } from '../rules-in.ts';
import { HELPERS_PATH, TABLE_PATH, type FoundDrift } from './found-drift.ts';
import { metPart } from '../met-part.ts';

/** What is done about our table at one look. `replace`: `to` is undefined for no table; `setAgain` is what is thereby right again. */
export type TableStep = { do: 'nothing' } | { do: 'tidy'; to: PolicyTable } | { do: 'replace'; to?: PolicyTable; setAgain: FoundDrift[] };

const NOTHING: TableStep = { do: 'nothing' };

/**
 * What is not as the policy has it is left as it is, unless it is to be set again or the table is gone as a whole. But what no rule may
 * touch follows the addresses of the gateway and its controller in any case, if need be at the price of what somebody else has put there.
 */
export function tableStep(
  held: HeldValues,
  found: TableListing | undefined,
  { drift, spared, isSetAgain }: { drift: readonly FoundDrift[]; spared: readonly PolicyMatch[]; isSetAgain: boolean },
): TableStep {
  const wanted = tableOf(held, spared);
  if (drift.length === 0) {
    if (isSameTable(found?.table, wanted)) return NOTHING;
    return wanted && holdsTable(found?.table, wanted) ? { do: 'tidy', to: wanted } : { do: 'replace', to: wanted, setAgain: [] };
  }
  if (!found || isSetAgain) return { do: 'replace', to: wanted, setAgain: [...drift] };
  if (drift.some(({ path }) => path === TABLE_PATH))
    return sparesAll(found, wanted) ? NOTHING : { do: 'replace', to: wanted, setAgain: [...drift] };
  const { rules, helpers } = metRulesIn(found);
  const kept = tableOf({ ...held, rules, helpers }, spared);
  return holdsTable(metPart(found.table), kept && metPart(kept)) ? NOTHING : { do: 'replace', to: kept, setAgain: [] };
}

/** The rules and helpers with which these paths are as the policy has them, and all others as they are. */
export function restoredAt(
  paths: readonly string[],
  held: HeldValues,
  found: TableListing | undefined,
): Pick<HeldValues, 'rules' | 'helpers'> {
  if (!found) return held;
  const own = metRulesIn(found);
  const isRestored = ({ name }: PolicyRule): boolean => paths.includes(rulePath(name));
  const inPlace = held.rules.flatMap((rule) => (isRestored(rule) ? [rule] : own.rules.filter(({ name }) => name === rule.name)));
  const others = own.rules.filter((rule) => !held.rules.some(({ name }) => name === rule.name) && !isRestored(rule));
  return { rules: [...inPlace, ...others], helpers: paths.includes(HELPERS_PATH) ? held.helpers : own.helpers };
}

function sparesAll({ table }: TableListing, wanted: PolicyTable | undefined): boolean {
  const spared = new Set(sparedIn(table).map((match) => JSON.stringify(match)));
  return !wanted || sparedIn(wanted).every((match) => spared.has(JSON.stringify(match)));
}
