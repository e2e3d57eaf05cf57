import { isDeepStrictEqual } from 'node:util';
import { decodeChain, decodeElements, decodeRule, decodeSet, type SetElement, type SetHead } from '../firewall/rules/decode.ts';
import { NFT_MSG, SET_FLAG } from '../firewall/rules/nf-tables.ts';
import { packSet } from '../firewall/rules/pack-set.ts';
import { setId, type Chain, type Expression, type Rule, type RuleSet, type Ruleset } from '../firewall/rules/ruleset.ts';
import type { NfChange } from '../firewall/tables/nf-batch.ts';

/**
 * True if the kernel has the chains and rules that these messages have said, in their order, with the same values, and no others. What it
 * adds by itself, such as handles and the names of sets, is not compared.
 */
export function isAsMade(messages: readonly NfChange[], kernel: Ruleset): boolean {
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  return isDeepStrictEqual(foundIn(kernel).toSorted(byName), saidIn(messages).toSorted(byName));
}

function foundIn({ chains, sets }: Ruleset): Comparable[] {
  return chains.map((chain) => comparable(chain, (name) => sets[setId(chain.family, chain.table, name)]));
}

type Comparable = Pick<Chain, 'name' | 'base'> & { rules: Pick<Rule, 'comment' | 'expressions'>[] };

/** The chains that messages make, with the values of sets in the place of their names. */
export function saidIn(messages: readonly NfChange[]): Comparable[] {
  const chains = new Map<string, Comparable>();
  // Sets without a name come before the rule that looks them up, in the order in which it does.
  let sets: { head: SetHead; elements: SetElement[] }[] = [];
  for (const { type, family, attributes } of messages) {
    const body = Uint8Array.of(family, 0, 0, 0, ...attributes);
    if (type === NFT_MSG.NEWCHAIN) {
      const chain = decodeChain(body);
      chains.set(
        chain.name,
        comparable(chain, () => undefined),
      );
    } else if (type === NFT_MSG.NEWSET) {
      const head = decodeSet(body);
      if ((head.flags & SET_FLAG.ANONYMOUS) !== 0) sets.push({ head, elements: [] });
    } else if (type === NFT_MSG.NEWSETELEM) sets.at(-1)?.elements.push(...decodeElements(body));
    else if (type === NFT_MSG.NEWRULE) {
      const { chain, ...rule } = decodeRule(body);
      const looked = sets.map(({ head, elements }) => packSet(head, elements));
      chains.get(chain)?.rules.push(comparableRule(rule, () => looked.shift()));
      sets = [];
    }
  }
  return [...chains.values()];
}

function comparable({ name, base, rules }: Chain, setOf: (name: string) => RuleSet | undefined): Comparable {
  return { name, base, rules: rules.map((rule) => comparableRule(rule, setOf)) };
}

function comparableRule({ comment, expressions }: Rule, setOf: (name: string) => RuleSet | undefined): Comparable['rules'][number] {
  return { comment, expressions: expressions.map((one) => (one.kind === 'lookup' ? withValues(one, setOf(one.set)) : one)) };
}

/** The values in the place of the name; single ones, which the kernel keeps in an order of its own, in ascending order. */
function withValues(lookup: Extract<Expression, { kind: 'lookup' }>, set: RuleSet | undefined): Expression {
  if (!set) return lookup;
  const { keyLength, count, keys, ends, why } = set;
  const hex = (bytes: Uint8Array): string[] =>
    Array.from({ length: count }, (_, at) => Buffer.from(bytes.subarray(at * keyLength, (at + 1) * keyLength)).toString('hex'));
  const values = ends ? { from: hex(keys), to: hex(ends) } : { single: hex(keys).toSorted() };
  return { ...lookup, set: JSON.stringify({ ...values, why }) };
}
