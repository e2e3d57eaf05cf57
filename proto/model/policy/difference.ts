import type { ActualPolicy } from './actual.ts';
import { canonicalRule } from './canonical-rule.ts';
import { demandsOfMode, wantedSettings, type WantedSetting } from './demands.ts';
import type { PolicyRule, PolicyValues } from './document.ts';
import { rulePath } from './effective.ts';

/** What would be done about one value. `reason` is a sentence with the cure, if there is one. */
export type Verdict = { kind: 'set' } | { kind: 'unchanged' } | { kind: 'refused'; reason: string };

/** One value of the policy on one gateway: `path` is that of its origin. */
export type PolicyChange = SettingChange | HelperChange | RuleChange;

/** Of a number below /proc/sys/net/netfilter. `from` is absent if this kernel does not have it. */
export interface SettingChange {
  on: 'setting';
  path: string;
  /** The kernel's file name. */
  setting: string;
  from?: number;
  to: number;
  verdict: Verdict;
}

/** Of a helper at its usual ports. */
export interface HelperChange {
  on: 'helper';
  path: string;
  helper: string;
  from: boolean;
  to: boolean;
  verdict: Verdict;
}

/** Of a rule: `from` is absent for a new one, `to` for one that the policy no longer has. Both are canonical. */
export interface RuleChange {
  on: 'rule';
  path: string;
  rule: string;
  from?: PolicyRule;
  to?: PolicyRule;
  verdict: Verdict;
}

/** What is wanted against what is there. */
export interface PolicyDifference {
  /** Settings in the order of the catalogue, then helpers, then rules in their order. */
  changes: PolicyChange[];
  /** Rules that stay are in another order than before. */
  isReordered: boolean;
  /** What was found in our table that is not by us; it goes when the table is replaced. */
  strange: string[];
}

const SET: Verdict = { kind: 'set' };
const UNCHANGED: Verdict = { kind: 'unchanged' };
const refused = (reason: string): Verdict => ({ kind: 'refused', reason });
/** The kernel rounds buckets up to whole pages. */
const BUCKETS_A_PAGE = 512;

/** The difference between what a policy comes to on a gateway and what the gateway is set to. Nothing is decided by what others do. */
export function differenceOf(wanted: PolicyValues, actual: ActualPolicy): PolicyDifference {
  const rules = ruleChanges(wanted, actual);
  const isStanding = ({ name }: PolicyRule): boolean => !rules.some(({ rule, verdict }) => rule === name && verdict.kind === 'refused');
  const settings = wantedSettings({ ...wanted, rules: wanted.rules.filter(isStanding) });
  const before = (actual.table?.rules ?? []).map(({ name }) => name);
  const kept = wanted.rules.map(({ name }) => name).filter((name) => before.includes(name));
  return {
    changes: [
      ...settings.map((one): SettingChange => ({
        on: 'setting',
        ...one,
        ...(actual.settings[one.setting] !== undefined && { from: actual.settings[one.setting] }),
        verdict: verdictOn(one, actual),
      })),
      ...helperChanges(wanted, actual),
      ...rules,
    ],
    isReordered: before.filter((name) => kept.includes(name)).join('\n') !== kept.join('\n'),
    strange: actual.table?.strange ?? [],
  };
}

/**
 * What can be put in place as a whole: the wanted values without those that are refused. A rule or helper that is refused stays as it is
 * on the gateway.
 */
export function settledValues(
  wanted: PolicyValues,
  { changes }: PolicyDifference,
): { settings: SettingChange[]; helpers: string[]; rules: PolicyRule[] } {
  const rules = new Map(changes.filter((change) => change.on === 'rule').map((change) => [change.rule, change]));
  return {
    settings: changes.filter((change) => change.on === 'setting').filter(({ verdict }) => verdict.kind === 'set'),
    helpers: changes
      .filter((change) => change.on === 'helper')
      .filter(({ from, to, verdict }) => (verdict.kind === 'refused' ? from : to))
      .map(({ helper }) => helper),
    rules: [...wanted.rules, ...[...rules.values()].flatMap(({ to, from }) => (to || !from ? [] : [from]))].flatMap((rule) => {
      const { verdict, from, to } = rules.get(rule.name)!;
      const standing = verdict.kind === 'refused' ? from : to;
      return standing ? [standing] : [];
    }),
  };
}

function verdictOn({ setting, to }: Omit<WantedSetting, 'path'>, { settings, unsettable }: ActualPolicy): Verdict {
  const from = settings[setting];
  if (from === undefined) return refused(`This kernel has no ${setting}. Leave it out of the policy, or use a kernel that has it.`);
  const isThere = from === to || (setting === 'nf_conntrack_buckets' && from === Math.ceil(to / BUCKETS_A_PAGE) * BUCKETS_A_PAGE);
  if (isThere) return UNCHANGED;
  const why = unsettable[setting];
  return why === undefined ? SET : refused(`${setting} cannot be set here: ${why}`);
}

function helperChanges({ helpers = [] }: PolicyValues, actual: ActualPolicy): HelperChange[] {
  const before = actual.table?.helpers ?? [];
  return [...new Set([...helpers, ...before])].toSorted().map((helper) => {
    const [from, to] = [before.includes(helper), helpers.includes(helper)];
    const why = from === to ? undefined : (actual.noTable ?? (to ? whyNoHelper(helper, actual) : undefined));
    return { on: 'helper', path: 'helpers', helper, from, to, verdict: from === to ? UNCHANGED : why === undefined ? SET : refused(why) };
  });
}

function ruleChanges({ rules }: PolicyValues, actual: ActualPolicy): RuleChange[] {
  const before = new Map((actual.table?.rules ?? []).map((rule) => [rule.name, canonicalRule(rule)]));
  const wanted = rules.map((rule): RuleChange => {
    const [from, to] = [before.get(rule.name), canonicalRule(rule)];
    const why = whyNoRule(to, actual);
    const isSame = from !== undefined && JSON.stringify(from) === JSON.stringify(to);
    const verdict = why !== undefined ? refused(why) : isSame ? UNCHANGED : SET;
    return { on: 'rule', path: rulePath(rule.name), rule: rule.name, ...(from && { from }), to, verdict };
  });
  const gone = [...before.values()].filter(({ name }) => !rules.some((rule) => rule.name === name));
  return [
    ...wanted,
    ...gone.map((from): RuleChange => ({
      on: 'rule',
      path: rulePath(from.name),
      rule: from.name,
      from,
      verdict: actual.noTable === undefined ? SET : refused(actual.noTable),
    })),
  ];
}

/** Why a rule cannot hold here as it is meant, be it only in a part of it. */
function whyNoRule({ helper, mode }: PolicyRule, actual: ActualPolicy): string | undefined {
  if (actual.noTable !== undefined) return actual.noTable;
  if (helper !== undefined && whyNoHelper(helper, actual) !== undefined) return whyNoHelper(helper, actual);
  for (const demand of demandsOfMode(mode)) {
    const verdict = verdictOn(demand, actual);
    if (verdict.kind === 'refused') return `Mode ${mode} needs ${demand.setting} to be ${demand.to}. ${verdict.reason}`;
  }
  return undefined;
}

function whyNoHelper(helper: string, { helpers }: ActualPolicy): string | undefined {
  return helpers.some(({ name }) => name === helper)
    ? undefined
    : `This kernel has no helper ${helper}. Install the modules of its connection tracking helpers, or leave ${helper} out.`;
}
