import { z } from 'zod';
import { idleSecondsOf } from './ct-timeout.ts';
import { type PolicyChain, type PolicyTable, type TableRule } from './policy-table.ts';
import { NotOurs, readRule } from './read-rule.ts';

/** What we make none of, and can be removed. */
const FOREIGN_KINDS = ['map', 'counter', 'quota', 'limit', 'flowtable'] as const;

/** What a listing says is there, by kind, ours or not. */
export interface PresentNames {
  chains: readonly string[];
  sets: readonly { name: string; family?: 4 | 6 }[];
  timeouts: readonly string[];
  helpers: readonly string[];
  others: readonly { kind: (typeof FOREIGN_KINDS)[number]; name: string }[];
}

/** What a listing says: the table as far as it is of a kind that we make, the names of all that is there, and what is not ours. */
export interface FoundTable {
  table: PolicyTable;
  names: PresentNames;
  strange: string[];
}

const named = z.object({ name: z.string() });
const transport = z.enum(['tcp', 'udp']);
const objects = {
  table: z.object({ flags: z.unknown().optional() }),
  chain: named.extend({
    hook: z.string().optional(),
    prio: z.number().optional(),
    policy: z.string().optional(),
    type: z.string().optional(),
  }),
  rule: z.object({ chain: z.string(), comment: z.string().optional(), expr: z.array(z.unknown()).default([]) }),
  set: named.extend({ type: z.unknown(), size: z.number().optional() }),
  'ct timeout': named.extend({ protocol: transport, policy: z.record(z.string(), z.number()).default({}) }),
  'ct helper': named.extend({ type: z.string(), protocol: transport }),
};
type Kind = keyof typeof objects;
const KINDS = Object.keys(objects) as Kind[];
const listing = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const hooks = z.enum(['prerouting', 'input', 'forward', 'output']);

/** Reads what `nft -j -n list table inet ctfleet_policy` says. Throws ZodError or SyntaxError for what is no listing. */
export function readRuleset(json: string): FoundTable {
  const found = new Finding();
  for (const entry of listing.parse(JSON.parse(json)).nftables) {
    for (const [kind, value] of Object.entries(entry)) {
      const known = KINDS.find((one) => one === kind);
      if (known) found.add(known, value);
      else if (kind !== 'metainfo') found.addOther(kind, named.parse(value).name);
    }
  }
  return found.finish();
}

class Finding {
  readonly strange: string[] = [];
  readonly #table: PolicyTable = { timeouts: [], helpers: [], limits: [], chains: [] };
  readonly #sets: PresentNames['sets'][number][] = [];
  readonly #timeouts: string[] = [];
  readonly #helpers: string[] = [];
  readonly #others: PresentNames['others'][number][] = [];

  add(kind: Kind, value: unknown): void {
    switch (kind) {
      case 'table':
        if (objects.table.parse(value).flags !== undefined) this.strange.push('the table has flags, such as dormant');
        break;
      case 'chain':
        this.#addChain(objects.chain.parse(value));
        break;
      case 'rule':
        this.#addRule(objects.rule.parse(value));
        break;
      case 'set':
        this.#addSet(objects.set.parse(value));
        break;
      case 'ct timeout':
        this.#addTimeout(value);
        break;
      case 'ct helper': {
        const { name, type, protocol } = objects[kind].parse(value);
        this.#helpers.push(name);
        this.#table.helpers.push({ name, type, proto: protocol });
      }
    }
  }

  addOther(kind: string, name: string): void {
    const foreign = FOREIGN_KINDS.find((one) => one === kind);
    if (foreign) this.#others.push({ kind: foreign, name });
    this.strange.push(`there is a ${kind} ${name}`);
  }

  finish(): FoundTable {
    const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
    for (const list of Object.values(this.#table) as { name: string }[][]) list.sort(byName);
    const names = {
      chains: this.#table.chains.map(({ name }) => name),
      sets: this.#sets,
      timeouts: this.#timeouts,
      helpers: this.#helpers,
      others: this.#others,
    };
    return { table: this.#table, names, strange: this.strange };
  }

  #addChain({ name, hook, prio, policy, type }: z.output<typeof objects.chain>): void {
    const base = hook === undefined ? undefined : { hook: hooks.safeParse(hook).data, priority: prio };
    if (base && (base.hook === undefined || base.priority === undefined || policy !== 'accept' || type !== 'filter'))
      this.strange.push(`the chain ${name} is hooked otherwise than ours are`);
    this.#table.chains.push({ name, ...(base && { base: base as PolicyChain['base'] }), rules: [] });
  }

  /** nft lists the chains before their rules. */
  #addRule({ chain, comment, expr }: z.output<typeof objects.rule>): void {
    const rules = this.#table.chains.find(({ name }) => name === chain)?.rules;
    try {
      const rule: TableRule = { ...(comment !== undefined && { comment }), ...readRule(expr) };
      rules?.push(rule);
    } catch (error) {
      if (!(error instanceof NotOurs)) throw error;
      this.strange.push(`in the chain ${chain} there is a rule with ${error.message}`);
    }
  }

  #addSet({ name, type }: z.output<typeof objects.set>): void {
    const family = type === 'ipv4_addr' ? 4 : type === 'ipv6_addr' ? 6 : undefined;
    this.#sets.push({ name, ...(family && { family }) });
    if (family) this.#table.limits.push({ name, family });
    else this.strange.push(`there is a set ${name}`);
  }

  #addTimeout(value: unknown): void {
    const { data } = objects['ct timeout'].safeParse(value);
    const { name } = named.parse(value);
    this.#timeouts.push(name);
    const idleSeconds = data && idleSecondsOf(data.protocol, data.policy);
    if (!data || idleSeconds === undefined) this.strange.push(`the timeout ${name} is not as ours are`);
    else this.#table.timeouts.push({ name, proto: data.protocol, idleSeconds, seconds: data.policy });
  }
}
