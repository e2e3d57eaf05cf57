import { INET_HOOK } from './nf-tables.ts';
import type { Hook } from './packet.ts';
import { FAMILY, setId, type Chain, type Data, type Ruleset, type RuleSet } from './ruleset.ts';

/** What of a ruleset packets come to in these hooks, ingress included: a change of anything else changes no answer about them. */
export function partOfHooks({ chains, sets }: Ruleset, hooks: readonly Hook[]): Ruleset {
  const others = new Set<number>((Object.keys(INET_HOOK) as Hook[]).filter((hook) => !hooks.includes(hook)).map((hook) => INET_HOOK[hook]));
  const byName = new Map(chains.map((chain) => [setId(chain.family, chain.table, chain.name), chain]));
  const kept = new Set<Chain>();
  const used: Record<string, RuleSet> = {};
  const waiting: (Chain | undefined)[] = chains.filter(({ base, family }) => base && (family === FAMILY.netdev || !others.has(base.hook)));
  while (waiting.length > 0) {
    const chain = waiting.pop();
    if (!chain || kept.has(chain)) continue;
    kept.add(chain);
    const follow = (data: Data | undefined): void => {
      if (data && 'verdict' in data && 'chain' in data.verdict)
        waiting.push(byName.get(setId(chain.family, chain.table, data.verdict.chain)));
    };
    for (const expression of chain.rules.flatMap((rule) => rule.expressions)) {
      if (expression.kind === 'immediate') follow(expression.data);
      if (expression.kind !== 'lookup') continue;
      const id = setId(chain.family, chain.table, expression.set);
      const set = sets[id];
      if (!set || used[id]) continue;
      used[id] = set;
      for (const data of [...(set.data ?? []), set.catchAll?.data]) follow(data);
    }
  }
  return { chains: chains.filter((chain) => kept.has(chain)), sets: used };
}
