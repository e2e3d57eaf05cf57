import type { PolicyChain, PolicyTable, TableRule } from './policy-table.ts';
import { formatComment, parseComment } from './rule-comment.ts';

/**
 * What of a table packets meet: without chains that nothing leads to or that do nothing, and without what no rule refers to, as whoever
 * removes a rule by hand leaves it. Rules of the policy are numbered without gaps, as if those that are there were all.
 */
export function metPart(table: PolicyTable): PolicyTable {
  const chains = reachable(withoutIdle(table.chains.map(withoutLastReturns)));
  const used = new Set(chains.flatMap(({ rules }) => rules.flatMap(({ acts }) => acts.flatMap(nameIn))));
  const isUsed = ({ name }: { name: string }): boolean => used.has(name);
  return {
    timeouts: table.timeouts.filter(isUsed),
    helpers: table.helpers.filter(isUsed),
    limits: table.limits.filter(isUsed),
    chains: renumbered(chains),
  };
}

/** What returns at the end of a chain would return anyway. */
function withoutLastReturns(chain: PolicyChain): PolicyChain {
  const last = chain.rules.findLastIndex(({ acts: [act] }) => act?.do !== 'return');
  return { ...chain, rules: chain.rules.slice(0, last + 1) };
}

/** To jump into a chain without rules does nothing, nor does a base chain that only lets through. */
function withoutIdle(chains: readonly PolicyChain[]): PolicyChain[] {
  const empty = new Set(chains.filter(({ base, rules }) => !base && rules.length === 0).map(({ name }) => name));
  const isIdle = ({ acts: [act] }: TableRule): boolean => act?.do === 'jump' && empty.has(act.chain);
  const left = chains
    .map((chain) => ({ ...chain, rules: chain.rules.filter((rule) => !isIdle(rule)) }))
    .filter(({ base, name, rules }) => (base ? rules.some(({ acts }) => acts[0]?.do !== 'accept') : !empty.has(name)));
  const count = (list: readonly PolicyChain[]): number => list.reduce((sum, { rules }) => sum + 1 + rules.length, 0);
  return count(left) === count(chains) ? left : withoutIdle(left);
}

function reachable(chains: readonly PolicyChain[]): PolicyChain[] {
  const reached = new Set<string>();
  const visit = ({ name, rules }: PolicyChain): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const { acts } of rules)
      for (const act of acts) {
        const next = act.do === 'goto' || act.do === 'jump' ? chains.find((one) => one.name === act.chain) : undefined;
        if (next) visit(next);
      }
  };
  for (const chain of chains) if (chain.base) visit(chain);
  return chains.filter(({ name }) => reached.has(name));
}

function nameIn(act: TableRule['acts'][number]): string[] {
  if (act.do === 'limit') return [act.set];
  return act.do === 'timeout' || act.do === 'helper' ? [act.name] : [];
}

function renumbered(chains: readonly PolicyChain[]): PolicyChain[] {
  const comments = chains.flatMap(({ rules }) => rules.map(({ comment }) => parseComment(comment ?? '')));
  const order = [...new Set(comments.flatMap((comment) => (comment ? [comment.index] : [])))].toSorted((a, b) => a - b);
  return chains.map((chain) => ({
    ...chain,
    rules: chain.rules.map((rule) => {
      const comment = parseComment(rule.comment ?? '');
      return comment ? { ...rule, comment: formatComment({ ...comment, index: order.indexOf(comment.index) }) } : rule;
    }),
  }));
}
