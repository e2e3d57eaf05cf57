import { canonicalRule } from '../../../proto/model/policy/canonical-rule.ts';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import { rulePath } from '../../../proto/model/policy/effective.ts';
import { pathOfSetting, textOfSetting } from '../../../proto/model/policy/setting-text.ts';
import { ruleValue } from '../../../proto/model/policy/write.ts';
import { isAsWritten, tableOf, type HeldValues } from '../applying/change-set.ts';
import { holdsTable } from '../applying/table-match.ts';
import { POLICY_TABLE } from '../policy-table.ts';
import { metRulesIn, sparedIn, type TableListing } from '../rules-in.ts';

/** One value that is not as the policy has it, at one look. Texts are as documents have them; absent is what is not there. */
export interface FoundDrift {
  /** `timeouts.tcp.established`, `helpers`, `rules.NAME`, `table`. */
  path: string;
  wanted?: string;
  actual?: string;
  /** The table is not there at all, as after a firewall was loaded again. */
  isTableGone?: boolean;
}

/** Of the whole table: what is in it and no rule of a policy. */
export const TABLE_PATH = 'table';
export const HELPERS_PATH = 'helpers';
const NAME = `${POLICY_TABLE.family} ${POLICY_TABLE.table}`;
const OTHERWISE = 'its rules are in another order, or not as the policy makes them';

/** True for what is in our table and not a setting. */
export function isOfTable(path: string): boolean {
  return path === TABLE_PATH || path === HELPERS_PATH || path.startsWith(rulePath(''));
}

/** What differs from what the gateway is held to. `tolerated`: what could not be removed when the table was replaced. */
export function driftOf(
  held: HeldValues,
  settings: Readonly<Record<string, number>>,
  found: TableListing | undefined,
  tolerated: readonly string[] = [],
): FoundDrift[] {
  return [...driftOfSettings(held, settings), ...driftOfTable(held, found, tolerated)];
}

function driftOfSettings(held: HeldValues, settings: Readonly<Record<string, number>>): FoundDrift[] {
  return Object.entries(held.settings).flatMap(([setting, wanted]) => {
    const actual = settings[setting];
    if (isAsWritten(setting, wanted, actual)) return [];
    return [
      {
        path: pathOfSetting(setting),
        wanted: textOfSetting(setting, wanted),
        ...(actual !== undefined && { actual: textOfSetting(setting, actual) }),
      },
    ];
  });
}

function driftOfTable(held: HeldValues, found: TableListing | undefined, tolerated: readonly string[]): FoundDrift[] {
  if (!found) return tableOf(held, []) ? [{ path: TABLE_PATH, wanted: NAME, isTableGone: true }] : [];
  const { rules, helpers, strange } = metRulesIn(found);
  const others = strange.filter((one) => !tolerated.includes(one));
  const drift = [
    ...driftOfHelpers(held.helpers, helpers),
    ...driftOfRules(held.rules, rules),
    ...(others.length > 0 ? [{ path: TABLE_PATH, actual: others.join('; ') }] : []),
  ];
  if (drift.length > 0 || holdsTable(found.table, tableOf(held, sparedIn(found.table)))) return drift;
  return [{ path: TABLE_PATH, actual: OTHERWISE }];
}

function driftOfHelpers(wanted: readonly string[], actual: readonly string[]): FoundDrift[] {
  const [want, is] = [wanted, actual].map((names) => names.toSorted().join(', ') || 'none');
  return want === is ? [] : [{ path: HELPERS_PATH, wanted: want!, actual: is! }];
}

function driftOfRules(wanted: readonly PolicyRule[], actual: readonly PolicyRule[]): FoundDrift[] {
  const [want, is] = [textsOf(wanted), textsOf(actual)];
  return [...new Set([...want.keys(), ...is.keys()])].flatMap((name) => {
    const [wantedText, actualText] = [want.get(name), is.get(name)];
    if (wantedText === actualText) return [];
    return [
      {
        path: rulePath(name),
        ...(wantedText !== undefined && { wanted: wantedText }),
        ...(actualText !== undefined && { actual: actualText }),
      },
    ];
  });
}

/** Rules as the kernel keeps them, each in JSON, which a document may have too. */
function textsOf(rules: readonly PolicyRule[]): Map<string, string> {
  return new Map(rules.map((rule) => [rule.name, JSON.stringify(ruleValue(canonicalRule(rule)))]));
}
