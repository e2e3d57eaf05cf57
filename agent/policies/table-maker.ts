import { canonicalMatch } from '../../proto/model/policy/canonical-rule.ts';
import type { Answer, Mode, PolicyMatch, RuleLimits, Timeouts } from '../../proto/model/policy/document.ts';
import { contentHash } from './content-hash.ts';
import { ctTimeout } from './ct-timeout.ts';
import { reversed, testsOf, testsOfBoth } from './match-tests.ts';
import { formatComment, type RuleComment } from './rule-comment.ts';
import type { Act, CtHelper, CtTimeout, LimitSet, PolicyChain, PolicyTable, TableRule, Test } from './policy-table.ts';

const AS_IT_BEGINS: readonly TableRule[] = [
  { tests: [{ on: 'state', state: 'invalid' }], acts: [{ do: 'drop' }] },
  { tests: [{ on: 'state', state: 'new' }, { on: 'midstream' }], acts: [{ do: 'drop' }] },
];
/** Chains that are the same in every table. What strict needs more is of the whole gateway (`demands.ts`). */
const FIXED: Readonly<Record<string, readonly TableRule[]>> = {
  pol_untracked: [{ tests: [], acts: [{ do: 'notrack' }] }],
  pol_normal: AS_IT_BEGINS,
  pol_strict: AS_IT_BEGINS,
  pol_deny: [
    { tests: [{ on: 'iif', names: ['lo'] }], acts: [{ do: 'return' }] },
    { tests: [{ on: 'oif', names: ['lo'] }], acts: [{ do: 'return' }] },
    { tests: [{ on: 'state', state: 'related' }], acts: [{ do: 'return' }] },
    { tests: [{ on: 'expected' }], acts: [{ do: 'return' }] },
  ],
  pol_drop: [{ tests: [], acts: [{ do: 'drop' }] }],
  pol_reset: [
    { tests: [{ on: 'proto', proto: 6 }], acts: [{ do: 'reset' }] },
    { tests: [], acts: [{ do: 'drop' }] },
  ],
};

const EARLY = [
  ['pol_timeouts', 'new'],
  ['pol_helpers', 'new'],
] as const;
const FILTERING = [
  ['pol_invalid', 'invalid'],
  ['pol_deny', 'tracked'],
  ['pol_new', 'new'],
  ['pol_limits', 'unconfirmed'],
] as const;
/** What this gateway has begun itself is not denied. */
const ARRIVING = FILTERING.map((one) => (one[0] === 'pol_deny' ? (['pol_deny', 'original'] as const) : one));
/** Replies to whoever has begun a connection to this gateway. */
const ANSWERING = [['pol_deny', 'reply']] as const;
/** Which packets come to a chain. `unconfirmed`: new ones that have no entry yet, so that a limit asks only about first packets. */
const ONLY = {
  invalid: [{ on: 'state', state: 'invalid' }],
  tracked: [{ on: 'state', state: 'tracked' }],
  new: [{ on: 'state', state: 'new' }],
  unconfirmed: [{ on: 'state', state: 'new' }, { on: 'unconfirmed' }],
  original: [{ on: 'direction', direction: 'original' }],
  reply: [{ on: 'direction', direction: 'reply' }],
} satisfies Record<string, readonly Test[]>;
const RAW = -300;
/** After the gateway's own rules have set marks. */
const AFTER_MANGLE = -149;
const BEFORE_FILTER = -10;

/** Puts a table together rule by rule; see the drawing in `policy-table.ts`. */
export class TableMaker {
  /** The rule of the policy that is being added. */
  of: RuleComment | undefined;
  readonly #timeouts = new Map<string, CtTimeout>();
  readonly #helpers = new Map<string, CtHelper>();
  readonly #limits = new Map<string, LimitSet>();
  readonly #chains = new Map<string, PolicyChain>();

  addOff(match: PolicyMatch): void {
    this.#chain('pol_untracked');
    this.#add('pol_off', testsOf(match, 'packet'), { do: 'goto', chain: 'pol_untracked' });
  }

  /**
   * Another mode than off keeps its packets from rules after it: from those that switch tracking off, where that can be told so early, and
   * from those that deny.
   */
  addMode(match: PolicyMatch, mode: Exclude<Mode, 'off' | 'deny'>, isBefore: Before): void {
    this.#keepTracked(match, isBefore);
    if (isBefore.deny) this.#add('pol_deny', testsOfBoth(match), { do: 'return' });
    this.#addBeginning(match, `pol_${mode}`);
  }

  /**
   * Every packet of such a flow gets the answer, whichever way it goes. What belongs to no flow is dropped, and so is TCP that begins in
   * the middle, which may come from the side that did not begin the flow.
   */
  addDeny(match: PolicyMatch, answer: Answer, isBefore: Before): void {
    this.#keepTracked(match, isBefore);
    this.#add('pol_deny', testsOfBoth(match), { do: 'goto', chain: this.#chain(`pol_${answer}`).name });
    this.#addBeginning(match, 'pol_normal');
  }

  addTimeout(match: PolicyMatch, idleSeconds: number, timeouts: Timeouts): void {
    const timeout = ctTimeout(match.proto === 'tcp' ? 'tcp' : 'udp', idleSeconds, timeouts);
    this.#timeouts.set(timeout.name, timeout);
    const { name } = this.#chain(timeout.name, [{ tests: [], acts: [{ do: 'timeout', name: timeout.name }] }]);
    this.#add('pol_timeouts', testsOf(match, 'packet'), { do: 'goto', chain: name });
  }

  addHelper(match: PolicyMatch, type: string): void {
    const proto = match.proto === 'tcp' ? 'tcp' : 'udp';
    const name = `he_${contentHash([type, proto])}`;
    this.#helpers.set(name, { name, type, proto });
    this.#chain(name, [{ tests: [], acts: [{ do: 'helper', name }] }]);
    this.#add('pol_helpers', testsOf(match, 'packet'), { do: 'goto', chain: name });
  }

  /** A set is named by what it counts and by the limit, so that whatever else changes in the table, it stays. */
  addLimits(match: PolicyMatch, { perSource, perDestination, answer }: RuleLimits): void {
    const counted = canonicalMatch(match);
    const lists = testsOf(counted, 'flow');
    const hasFamily = (family: 4 | 6): boolean =>
      lists.some((tests) => tests.every((test) => !('family' in test) || test.family === family));
    const { name: refuse } = this.#chain(`pol_${answer}`);
    const rules = [['src' as const, perSource] as const, ['dst' as const, perDestination] as const].flatMap(([by, over]) =>
      ([4, 6] as const).flatMap((family): TableRule[] => {
        if (over === undefined || !hasFamily(family)) return [];
        const set = `li_${by}${family}_${contentHash([counted, over])}`;
        this.#limits.set(set, { name: set, family });
        return [
          {
            tests: [],
            acts: [
              { do: 'limit', set, by, family, over },
              { do: 'goto', chain: refuse },
            ],
          },
        ];
      }),
    );
    const { name } = this.#chain(`li_${contentHash([counted, perSource, perDestination, answer])}`, rules);
    this.#add('pol_limits', lists, { do: 'goto', chain: name });
  }

  /** The chains that packets enter, as far as they lead to something. `spared`: packets to this gateway, to which no rule applies. */
  addBases(spared: readonly PolicyMatch[]): void {
    const base = (
      name: string,
      hook: NonNullable<PolicyChain['base']>['hook'],
      priority: number,
      into: Into,
      first: readonly TableRule[] = [],
    ): void => {
      const jumps = into
        .filter(([chain]) => this.#chains.has(chain))
        .map(([chain, only]): TableRule => ({ tests: only ? [...ONLY[only]] : [], acts: [{ do: 'jump', chain }] }));
      if (jumps.length > 0) this.#chains.set(name, { name, base: { hook, priority }, rules: [...first, ...jumps] });
    };
    const accepted = (matches: readonly PolicyMatch[]): TableRule[] =>
      matches.flatMap((match) => testsOf(match, 'packet')).map((tests) => ({ tests, acts: [{ do: 'accept' }] }));
    const [coming, answers] = [accepted(spared), accepted(spared.map(reversed))];
    // Where few packets come, and not before all that are forwarded.
    this.#chains.get('pol_untracked')?.rules.unshift(...coming, ...answers);
    base('pol_raw_in', 'prerouting', RAW, [['pol_off']]);
    base('pol_raw_out', 'output', RAW, [['pol_off']]);
    base('pol_early_in', 'prerouting', AFTER_MANGLE, EARLY);
    base('pol_early_out', 'output', AFTER_MANGLE, EARLY);
    base('pol_forward', 'forward', BEFORE_FILTER, FILTERING);
    base('pol_input', 'input', BEFORE_FILTER, ARRIVING, coming);
    base('pol_output', 'output', BEFORE_FILTER, ANSWERING, answers);
  }

  finish(): PolicyTable {
    const listed = <T extends { name: string }>(map: Map<string, T>): T[] => [...map.values()].toSorted(byName);
    return { timeouts: listed(this.#timeouts), helpers: listed(this.#helpers), limits: listed(this.#limits), chains: listed(this.#chains) };
  }

  #keepTracked(match: PolicyMatch, isBefore: Before): void {
    if (isBefore.off && match.zone === undefined && !match.oif) this.#add('pol_off', testsOf(match, 'packet'), { do: 'return' });
  }

  /** What is done with packets of no flow, and with those that begin one. */
  #addBeginning(match: PolicyMatch, target: string): void {
    const act: Act = { do: 'goto', chain: this.#chain(target).name };
    for (const [chain, of] of [['pol_invalid', 'packet'] as const, ['pol_new', 'flow'] as const]) {
      const lists = testsOf(match, of);
      this.#add(chain, lists, act);
      this.#add(chain, testsOf(reversed(match), of).filter(isNoneOf(lists)), act, true);
    }
  }

  #add(chain: string, lists: readonly Test[][], act: Act, isReply = false): void {
    const comment = this.of && formatComment({ ...this.of, isReply });
    for (const tests of lists) this.#chain(chain).rules.push({ ...(comment !== undefined && { comment }), tests, acts: [act] });
  }

  #chain(name: string, rules: readonly TableRule[] = FIXED[name] ?? []): PolicyChain {
    const chain = this.#chains.get(name) ?? { name, rules: [...rules] };
    this.#chains.set(name, chain);
    return chain;
  }
}

/** Whether rules of these modes come later. */
export type Before = Readonly<Record<'off' | 'deny', boolean>>;

type Into = readonly (readonly [chain: string, only?: keyof typeof ONLY])[];

function isNoneOf(lists: readonly Test[][]): (tests: Test[]) => boolean {
  const known = new Set(lists.map((tests) => JSON.stringify(tests)));
  return (tests) => !known.has(JSON.stringify(tests));
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
