import type { MarkFacts, NatKind } from '../conntrack/table.ts';

/** What a chain of filter rules does with packets that are in the middle of a flow which the table does not have. Read as far as its rules are nft's own. */
export interface FilterFacts {
  /** What no rule decides is dropped. */
  isDropping: boolean;
  /** What becomes of packets that conntrack calls invalid. */
  invalid: 'passed' | 'dropped' | 'reset';
  /** TCP that begins without a SYN is dropped. */
  dropsMidstream: boolean;
}

/** What matters of a ruleset; see `parseRuleset`. */
export interface RulesetFacts {
  /** How it translates what leaves by an interface; none where no rule does, or one cannot be read. */
  natKinds(device: string): NatKind[];
  marks: MarkFacts;
  /** Absent where a rule cannot be read. */
  forward?: FilterFacts;
  input?: FilterFacts;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface Rule { chain: string; statements: { [key: string]: Json }[] }
interface Chain { id: string; type: string | undefined; hook: string | undefined; policy: string | undefined }
interface Ruleset { chains: Chain[]; rules: Map<string, Rule[]> }

/**
 * Reads the output of `nft -j -t list ruleset`. Rules of iptables-nft show as `xt` with a name and without what they compare: of those only
 * what a name alone says is believed. Throws SyntaxError for text that is no JSON.
 */
export function parseRuleset(text: string): RulesetFacts {
  const ruleset = toRuleset(JSON.parse(text) as Json);
  return {
    natKinds: (device) => natKindsOf(ruleset, device),
    marks: marksOf(ruleset),
    forward: filterOf(ruleset, 'forward'),
    input: filterOf(ruleset, 'input'),
  };
}

function toRuleset(json: Json): Ruleset {
  const ruleset: Ruleset = { chains: [], rules: new Map() };
  for (const item of listOf(at(json, 'nftables'))) {
    const [chain, rule] = [at(item, 'chain'), at(item, 'rule')];
    if (chain) ruleset.chains.push({ id: idOf(chain, 'name'), type: textOf(chain, 'type'), hook: textOf(chain, 'hook'), policy: textOf(chain, 'policy') });
    if (!rule) continue;
    const id = idOf(rule, 'chain');
    const rules = ruleset.rules.get(id) ?? [];
    rules.push({ chain: id, statements: listOf(at(rule, 'expr')).filter(isObject) });
    ruleset.rules.set(id, rules);
  }
  return ruleset;
}

function natKindsOf(ruleset: Ruleset, device: string): NatKind[] {
  const kinds = new Set<NatKind>();
  for (const { statements } of reachable(ruleset, 'postrouting', 'nat', device)) {
    if (goesByNamedMap(statements)) return [];
    const target = xtTarget(statements);
    if (target === 'MASQUERADE' || statements.some((statement) => 'masquerade' in statement)) kinds.add('masquerade');
    else if (target === 'SNAT' || statements.some((statement) => 'snat' in statement)) kinds.add('snat');
    else if (target !== undefined) return [];
  }
  return [...kinds].sort();
}

/** A mark that is made of the entry's is given back; any other is the packet's own. */
function marksOf(ruleset: Ruleset): MarkFacts {
  const facts = { areRestored: false, areGiven: false };
  for (const { statements } of [...ruleset.rules.values()].flat()) {
    const target = xtTarget(statements);
    if (target === 'CONNMARK') facts.areRestored = true;
    else if (target === 'MARK') facts.areGiven = true;
    for (const statement of statements) {
      const mangle = at(statement, 'mangle');
      if (!mangle || at(mangle, 'key', 'meta', 'key') !== 'mark') continue;
      if (mentionsCtMark(at(mangle, 'value'))) facts.areRestored = true;
      else facts.areGiven = true;
    }
  }
  return facts;
}

function filterOf(ruleset: Ruleset, hook: 'forward' | 'input'): FilterFacts | undefined {
  const facts: FilterFacts = { isDropping: ruleset.chains.some((chain) => chain.hook === hook && chain.policy === 'drop'), invalid: 'passed', dropsMidstream: false };
  for (const { statements } of reachable(ruleset, hook, 'filter')) {
    if (goesByNamedMap(statements)) return undefined;
    const drops = statements.some((statement) => 'drop' in statement || at(statement, 'xt', 'name') === 'DROP');
    const resets = statements.some((statement) => at(statement, 'reject', 'type') === 'tcp reset');
    const states = statesOf(statements);
    if (statements.some((statement) => 'xt' in statement) && (drops || resets || xtTarget(statements) === 'REJECT')) return undefined;
    if (resets && states.includes('invalid')) facts.invalid = 'reset';
    else if ((drops && states.includes('invalid')) || dropsByMap(statements)) facts.invalid = facts.invalid === 'passed' ? 'dropped' : facts.invalid;
    if (drops && states.includes('new') && statements.some((statement) => comparesTcpFlags(statement))) facts.dropsMidstream = true;
  }
  return facts;
}

/** The rules that a packet of a hook may come to, in order; with a device, those that what leaves by it may come to. */
function* reachable(ruleset: Ruleset, hook: string, type: string, device?: string): Generator<Rule, void, void> {
  const seen = new Set<string>();
  const next = ruleset.chains.filter((chain) => chain.hook === hook && chain.type === type).map(({ id }) => id);
  for (let id = next.shift(); id !== undefined; id = next.shift()) {
    if (seen.has(id)) continue;
    seen.add(id);
    for (const rule of ruleset.rules.get(id) ?? []) {
      if (device !== undefined && !rule.statements.every((statement) => mayLeaveBy(statement, device))) continue;
      yield rule;
      for (const target of targetsOf(rule.statements, device)) next.push(`${tableOf(rule.chain)} ${target}`);
    }
  }
}

/** False only where a statement surely chooses other interfaces; what a named set holds is not read. */
function mayLeaveBy(statement: Json, device: string): boolean {
  const match = at(statement, 'match');
  const key = at(match, 'left', 'meta', 'key');
  if (key !== 'oifname' && key !== 'oif') return true;
  const right = at(match, 'right') ?? null;
  const all = isObject(right) ? listOf(at(right, 'set')) : [right];
  const values = all.filter((value) => typeof value === 'string' && !value.startsWith('@')) as string[];
  if (values.length === 0 || values.length < all.length) return true;
  const isAmong = values.some((value) => (value.endsWith('*') ? device.startsWith(value.slice(0, -1)) : value === device));
  return at(match, 'op') === '!=' ? !isAmong : isAmong;
}

/** Chains that a rule goes on to: by a jump, or by a map that may choose by the interface. */
function targetsOf(statements: Json[], device: string | undefined): string[] {
  return statements.flatMap((statement) => {
    const map = at(statement, 'vmap');
    const isByDevice = map !== undefined && ['oif', 'oifname'].includes(String(at(map, 'key', 'meta', 'key')));
    const verdicts = map === undefined ? [statement] : mapEntries(map).filter(([key]) => !isByDevice || device === undefined || key === device).map(([, verdict]) => verdict);
    return verdicts.flatMap((verdict) => [at(verdict, 'jump', 'target'), at(verdict, 'goto', 'target')].filter((name) => typeof name === 'string'));
  });
}

/** A map with a name is not listed with what is in it. */
function goesByNamedMap(statements: Json[]): boolean {
  return statements.some((statement) => typeof at(statement, 'vmap', 'data') === 'string');
}

function dropsByMap(statements: Json[]): boolean {
  return statements.some((statement) => {
    const map = at(statement, 'vmap');
    return map !== undefined && at(map, 'key', 'ct', 'key') === 'state' && mapEntries(map).some(([key, verdict]) => key === 'invalid' && isObject(verdict) && 'drop' in verdict);
  });
}

/** States that a rule asks for with `ct state`. */
function statesOf(statements: Json[]): string[] {
  return statements.flatMap((statement) => {
    const match = at(statement, 'match');
    if (!match || at(match, 'left', 'ct', 'key') !== 'state' || at(match, 'op') === '!=') return [];
    const right = at(match, 'right') ?? null;
    return (Array.isArray(right) ? right : listOf(at(right, 'set')).concat(right)).filter((value) => typeof value === 'string');
  });
}

function comparesTcpFlags(statement: Json): boolean {
  const left = at(statement, 'match', 'left');
  return [left, ...listOf(at(left, '&'))].some((side) => at(side, 'payload', 'field') === 'flags');
}

function mentionsCtMark(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(mentionsCtMark);
  if (!isObject(value)) return false;
  return at(value, 'ct', 'key') === 'mark' || Object.values(value).some(mentionsCtMark);
}

/** The name of the target of a rule of iptables-nft. */
function xtTarget(statements: Json[]): string | undefined {
  const xt = statements.map((statement) => at(statement, 'xt')).find((found) => at(found, 'type') === 'target');
  return xt === undefined ? undefined : textOf(xt, 'name');
}

function mapEntries(map: Json): [Json, Json][] {
  return listOf(at(map, 'data', 'set')).filter((entry): entry is [Json, Json] => Array.isArray(entry) && entry.length === 2);
}

function idOf(object: Json, name: string): string {
  return [textOf(object, 'family'), textOf(object, 'table'), textOf(object, name)].join(' ');
}

function tableOf(chain: string): string {
  return chain.split(' ').slice(0, 2).join(' ');
}

function at(value: Json | undefined, ...keys: string[]): Json | undefined {
  let found = value;
  for (const key of keys) found = isObject(found) ? found[key] : undefined;
  return found;
}

function textOf(value: Json, key: string): string | undefined {
  const found = at(value, key);
  return typeof found === 'string' ? found : undefined;
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
