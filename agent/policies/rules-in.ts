import type { OwnTable } from '../../proto/model/policy/actual.ts';
import { canonicalRule } from '../../proto/model/policy/canonical-rule.ts';
import { MODES, type Answer, type Mode, type PolicyMatch, type PolicyRule, type RuleLimits } from '../../proto/model/policy/document.ts';
import { HELPERS } from '../../proto/model/policy/helpers.ts';
import { metPart } from './met-part.ts';
import { matchOf } from './match-tests.ts';
import type { PolicyTable, TableRule } from './policy-table.ts';
import type { FoundTable } from './read-ruleset.ts';
import { parseComment } from './rule-comment.ts';
import { rulesetOf } from './ruleset.ts';

const EMPTY: PolicyTable = { timeouts: [], helpers: [], limits: [], chains: [] };

/** A table and what was found in it that we make none of. */
export type TableListing = Pick<FoundTable, 'table' | 'strange'>;

/**
 * The rules and helpers that a found table stands for, and everything in it that is not as we would have made it of them. Pairs with
 * `rulesetOf`.
 */
export function rulesIn(listing: TableListing): OwnTable {
  return readBack(listing, (table) => table);
}

/** The same without what packets do not meet, which is what a rule leaves that somebody has removed. */
export function metRulesIn(listing: TableListing): OwnTable {
  return readBack(listing, metPart);
}

function readBack({ table, strange }: TableListing, part: (table: PolicyTable) => PolicyTable): OwnTable {
  const found = { rules: readRules(table), helpers: readHelpers(table) };
  const meant = rulesetOf({ ...found, spared: sparedIn(table) });
  return { ...found, strange: [...strange, ...differencesOf(part(table), part(meant ?? EMPTY))] };
}

/** The packets, as they come in, that no rule of a found table touches. The second half of those in `pol_untracked` is of their answers. */
export function sparedIn(table: PolicyTable): PolicyMatch[] {
  const accepted = (chain: string): TableRule[] => chainOf(table, chain).filter(({ acts }) => acts[0]?.do === 'accept');
  const [coming, either] = [accepted('pol_input'), accepted('pol_untracked')];
  return (coming.length > 0 ? coming : either.slice(0, either.length / 2)).map(({ tests }) => matchOf([tests]));
}

/** The rules of the first of these chains that is there. */
function chainOf({ chains }: PolicyTable, ...names: (string | undefined)[]): TableRule[] {
  return names.map((name) => chains.find((chain) => chain.name === name)?.rules).find((rules) => rules !== undefined) ?? [];
}

/** By the chains that tell of a rule; the first of them tells its match. */
const ASPECTS = ['pol_off', 'pol_new', 'pol_deny', 'pol_timeouts', 'pol_helpers', 'pol_limits'] as const;
type Aspects = Partial<Record<(typeof ASPECTS)[number], TableRule[]>>;

function readRules(table: PolicyTable): PolicyRule[] {
  const found = new Map<number, { name: string; aspects: Aspects }>();
  for (const chain of ASPECTS)
    for (const rule of chainOf(table, chain)) {
      const comment = parseComment(rule.comment ?? '');
      if (!comment || comment.isReply) continue;
      const one = found.get(comment.index) ?? { name: comment.name, aspects: {} };
      one.aspects[chain] = [...(one.aspects[chain] ?? []), rule];
      found.set(comment.index, one);
    }
  return [...found].toSorted(([a], [b]) => a - b).map(([, { name, aspects }]) => readRule(table, name, aspects));
}

function readRule(table: PolicyTable, name: string, aspects: Aspects): PolicyRule {
  const target = (chain: keyof Aspects): string | undefined => targetsOf(aspects[chain] ?? [])[0];
  const [timeout] = chainOf(table, target('pol_timeouts')).flatMap(({ acts }) => acts);
  const denied = target('pol_deny');
  const [helper] = chainOf(table, target('pol_helpers')).flatMap(({ acts }) => acts);
  return canonicalRule({
    name,
    match: matchOf(Object.values(aspects)[0]!.map(({ tests }) => tests)),
    mode: readMode(target('pol_off'), denied, target('pol_new')),
    answer: denied === undefined ? undefined : readAnswer(denied),
    idleTimeoutSeconds: timeout?.do === 'timeout' ? table.timeouts.find((one) => one.name === timeout.name)?.idleSeconds : undefined,
    helper: helper?.do === 'helper' ? table.helpers.find((one) => one.name === helper.name)?.type : undefined,
    limits: readLimits(chainOf(table, target('pol_limits'))),
  });
}

function readMode(off: string | undefined, denied: string | undefined, begins: string | undefined): Mode | undefined {
  if (off === 'pol_untracked') return 'off';
  return denied === undefined ? MODES.find((mode) => begins === `pol_${mode}`) : 'deny';
}

function readAnswer(target: string | undefined): Answer {
  return target === 'pol_reset' ? 'reset' : 'drop';
}

function targetsOf(rules: readonly TableRule[]): string[] {
  return rules.flatMap(({ acts }) => acts.flatMap((act) => (act.do === 'goto' ? [act.chain] : [])));
}

function readLimits(rules: readonly TableRule[]): RuleLimits | undefined {
  const limits = rules.flatMap(({ acts }) => acts.flatMap((act) => (act.do === 'limit' ? [act] : [])));
  if (limits.length === 0) return undefined;
  return {
    perSource: limits.find(({ by }) => by === 'src')?.over,
    perDestination: limits.find(({ by }) => by === 'dst')?.over,
    answer: readAnswer(targetsOf(rules)[0]),
  };
}

/** Those that are assigned by rules without a comment. */
function readHelpers(table: PolicyTable): string[] {
  const names = targetsOf(chainOf(table, 'pol_helpers').filter(({ comment }) => comment === undefined));
  const types = table.helpers.filter(({ name }) => names.includes(name)).map(({ type }) => type);
  return [...new Set(types)].filter((type) => Object.hasOwn(HELPERS, type)).toSorted();
}

/**
 * Where two tables differ, by chain and object. The names of timeouts depend on more than a rule says, so that what they are is compared.
 */
function differencesOf(found: PolicyTable, meant: PolicyTable): string[] {
  const said = (table: PolicyTable): Map<string, string> =>
    new Map([
      ...table.chains.map((chain) => [`the chain ${chain.name}`, JSON.stringify([chain.base, chain.rules])] as const),
      ...table.timeouts.map((one) => [`the timeout ${one.name}`, JSON.stringify([one.proto, one.idleSeconds])] as const),
      ...table.helpers.map((one) => [`the helper ${one.name}`, JSON.stringify([one.type, one.proto])] as const),
      ...table.limits.map((one) => [`the set ${one.name}`, String(one.family)] as const),
    ]);
  const [is, should] = [said(withPlainTimeouts(found)), said(withPlainTimeouts(meant))];
  return [
    ...[...is].flatMap(([what, text]) =>
      should.get(what) === text ? [] : [`${what} ${should.has(what) ? 'was changed' : 'is not ours'}`],
    ),
    ...[...should.keys()].filter((what) => !is.has(what)).map((what) => `${what} is missing`),
  ];
}

/** With the timeouts named by protocol and seconds. */
function withPlainTimeouts(table: PolicyTable): PolicyTable {
  const plain = table.timeouts.reduce(
    (text, { name, proto, idleSeconds }) => text.replaceAll(JSON.stringify(name), JSON.stringify(`to_${proto}_${idleSeconds}`)),
    JSON.stringify(table),
  );
  return JSON.parse(plain) as PolicyTable;
}
