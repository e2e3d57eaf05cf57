import { Bits } from './bits.ts';
import { step } from './expressions.ts';
import { REGISTER_BYTES, RuleRun, type Decision, type Place } from './rule-run.ts';
import type { Chain, Rule } from './ruleset.ts';
import type { State, Translation } from './state.ts';
import { chainText, ruleText } from './text.ts';

/** How a packet may end in a chain. `unknown`: a rule hands it to what is not known here, which may let it go on or not. */
export interface End {
  kind: 'accepted' | 'dropped' | 'rejected' | 'translated' | 'unknown';
  with?: 'reset' | 'icmp';
  translation?: Translation;
  state: State;
  rule: string;
}

/** Rules carried out for one query; a ruleset whose jumps multiply beyond this is not answered. */
const MAX_RULES = 100_000;

export class TooManyRules extends Error {
  constructor() {
    super(`a packet may come to more than ${MAX_RULES} rules`);
  }
}

/** What a chain may do: the ways in which it ends, and the state in which a packet leaves it at its end, if any does. */
interface Passage {
  ends: End[];
  left: State | undefined;
}

/** Carries a packet through chains. Where it cannot be told whether a rule matches, both go on, and are one again where they meet. */
export class Evaluation {
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #registers = Bits.unknown(REGISTER_BYTES);
  #rules = 0;

  /** @param chains by `family table name` */
  constructor(chains: ReadonlyMap<string, Chain>) {
    this.#chains = chains;
  }

  /** Through a base chain: who leaves it by its end meets its policy. Throws TooManyRules. */
  base(chain: Chain, state: State, place: Place): Passage {
    const { ends, left } = this.#run(chain, state, place);
    if (!left) return { ends, left };
    if (chain.base?.drops)
      return { ends: [...ends, { kind: 'dropped', state: left, rule: `${chainText(chain)}: policy drop` }], left: undefined };
    return { ends, left };
  }

  #run(chain: Chain, begin: State, place: Place): Passage {
    const ends: End[] = [];
    let returned: State | undefined;
    let state: State | undefined = begin;
    for (const rule of chain.rules) {
      if (!state) break;
      if (++this.#rules > MAX_RULES) throw new TooManyRules();
      const before: State = state;
      const endsBefore = ends.length;
      const { decisions, matched, skipped } = carryOut(rule, chain, before, place, this.#registers);
      let next: State | undefined = skipped;
      const leave = (left: State | undefined): void => {
        if (left) next = next ? next.join(left) : left;
      };
      if (matched) {
        const name = decisions.some(({ kind }) => ENDING.has(kind)) || matched.why !== before.why ? () => ruleText(chain, rule) : () => '';
        for (const decision of decisions) {
          switch (decision.kind) {
            case 'continue':
            case 'break':
              leave(matched);
              break;
            case 'return':
              returned = returned ? returned.join(matched) : matched;
              break;
            case 'jump':
            case 'goto': {
              const target = this.#chains.get(`${chain.family} ${chain.table} ${decision.chain}`);
              const passage: Passage = target ? this.#run(target, matched, place) : { ends: [], left: matched };
              ends.push(...passage.ends);
              if (decision.kind === 'jump') leave(passage.left);
              else if (passage.left) returned = returned ? returned.join(passage.left) : passage.left;
              break;
            }
            default:
              ends.push(endOf(decision, matched, name()));
          }
        }
      }
      // Both ways have led to the same: what could not be told made no difference.
      if (next && next.why !== before.why && ends.length === endsBefore && !returned && next.isSame(before)) {
        next = next.clone();
        next.why = before.why;
      }
      state = next;
    }
    const left = state && returned ? state.join(returned) : (state ?? returned);
    return { ends, left };
  }
}

const ENDING = new Set<Decision['kind']>(['accept', 'drop', 'queue', 'stolen', 'reject', 'translate']);

function endOf(decision: Decision, state: State, rule: string): End {
  switch (decision.kind) {
    case 'accept':
      return { kind: 'accepted', state, rule };
    case 'drop':
      return { kind: 'dropped', state, rule };
    case 'reject':
      return { kind: 'rejected', with: decision.with, state, rule };
    case 'translate':
      return { kind: 'translated', translation: { ...decision.translation, rule }, state, rule };
    default: {
      const doubtful = state.clone();
      doubtful.why ??= `${rule}: it hands packets to what is not known here`;
      return { kind: 'unknown', state: doubtful, rule };
    }
  }
}

/** One rule: the state of a packet that it matches, and of one that it does not; both where that cannot be told. */
function carryOut(
  rule: Rule,
  chain: Chain,
  before: State,
  place: Place,
  registers: Bits,
): { decisions: Decision[]; matched?: State; skipped?: State } {
  let skipped: State | undefined;
  const run = new RuleRun(place, chain, before, registers);
  const doubt = (): void => {
    if (run.state.why === undefined) run.change().why = `${ruleText(chain, rule)}: ${run.doubt ?? 'it sets what is not known'}`;
  };
  for (const expression of rule.expressions) {
    const answer = step(run, expression);
    if (run.state.isTracked === false && before.isTracked !== false) run.state.untrackedBy ??= { chain, rule };
    if (answer === undefined) {
      doubt();
      const now = run.keep();
      skipped = skipped ? skipped.join(now) : now;
    } else if (!answer) {
      const left = skipped ? skipped.join(run.state) : run.state;
      return { decisions: [], skipped: left !== before && left.isSame(before) ? before : left };
    }
  }
  const { state } = run;
  if ((state.mark !== before.mark && !state.mark.isKnown) || (state.ctMark !== before.ctMark && !state.ctMark.isKnown)) doubt();
  return { decisions: run.decisions, matched: run.state, skipped };
}
