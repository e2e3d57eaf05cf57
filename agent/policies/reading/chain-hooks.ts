import { INET_HOOK, INET_INGRESS, PRIORITY } from '../../firewall/rules/nf-tables.ts';
import { FAMILY, setId, type BaseChain, type Chain, type RuleSet, type Ruleset } from '../../firewall/rules/ruleset.ts';
import { targetsOf } from '../../firewall/rules/targets-of.ts';
import type { RuleHook } from '../../../proto/model/policy/foreign-tracking.ts';

/** NFPROTO_*, beside those that packets of IPv4 and IPv6 meet. */
const ARP = 3;
const INET_NAMES: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(INET_HOOK).map(([name, number]) => [number, name]));
const ARP_NAMES = ['input', 'output', 'forward'];
const NETDEV_NAMES = ['ingress', 'egress'];

/** Base chains by way of which packets come to each chain. */
export function basesOfChains({ chains, sets }: Ruleset): ReadonlyMap<Chain, Chain[]> {
  const byId = new Map(chains.map((chain) => [idOf(chain), chain]));
  const next = new Map(chains.map((chain) => [chain, targetChains(chain, sets, byId)]));
  const bases = new Map<Chain, Chain[]>();
  for (const base of chains) {
    if (!base.base) continue;
    const seen = new Set<Chain>();
    const waiting = [base];
    for (let chain = waiting.pop(); chain; chain = waiting.pop()) {
      if (seen.has(chain)) continue;
      seen.add(chain);
      bases.set(chain, [...(bases.get(chain) ?? []), base]);
      waiting.push(...next.get(chain)!);
    }
  }
  return bases;
}

/** The hook of a base chain, as nft names it. */
export function hookOf({ family, base }: Chain & { base: BaseChain }): RuleHook {
  return { hook: hookName(family, base.hook), priority: base.priority };
}

/** True if conntrack has looked at whatever comes to a base chain: only before routing are there chains that it has not. */
export function isAfterConntrack({ family, base }: Chain & { base: BaseChain }): boolean {
  if (family === FAMILY.netdev) return false;
  if (family === FAMILY.inet && base.hook === INET_INGRESS) return false;
  const isFirst = base.hook === INET_HOOK.prerouting || base.hook === INET_HOOK.output;
  return !isFirst || base.priority > PRIORITY.CONNTRACK;
}

function hookName(family: number, hook: number): string {
  if (family === FAMILY.netdev) return NETDEV_NAMES[hook] ?? `hook ${hook}`;
  if (family === ARP) return ARP_NAMES[hook] ?? `hook ${hook}`;
  return hook === INET_INGRESS ? 'ingress' : (INET_NAMES[hook] ?? `hook ${hook}`);
}

function targetChains(chain: Chain, sets: Readonly<Record<string, RuleSet>>, byId: ReadonlyMap<string, Chain>): Chain[] {
  const { family, table, rules } = chain;
  const targets = new Set(rules.flatMap(({ expressions }) => [...targetsOf(expressions, (name) => sets[setId(family, table, name)])]));
  return [...targets].flatMap((name) => byId.get(setId(family, table, name)) ?? []);
}

function idOf({ family, table, name }: Chain): string {
  return setId(family, table, name);
}
