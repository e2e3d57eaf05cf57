import { CMP, CT, CT_STATE_BIT, PAYLOAD } from '../../firewall/rules/nf-tables.ts';
import { keyAt } from '../../firewall/rules/lookup.ts';
import type { Data, Rule, RuleSet } from '../../firewall/rules/ruleset.ts';
import type { Test } from '../../firewall/rules/tests-of.ts';
import { decodeXtPorts, decodeXtStates } from '../../firewall/rules/xt-facts.ts';
import { hostU32 } from '../../netlink/attributes.ts';
import type { RuleEnd } from '../../../proto/model/policy/foreign-tracking.ts';

/** The states of connections that a rule names, each with what a map does about it. */
export interface NamedStates {
  /** Bits of CT_STATE_BIT. */
  bits: number;
  ends: ReadonlyMap<number, RuleEnd>;
}

/** What a rule says of the packet's state; undefined where it does not ask for it, or only for what it is not. */
export function statesOf(rule: Rule, tests: readonly Test[], setOf: (name: string) => RuleSet | undefined): NamedStates | undefined {
  let bits = 0;
  const ends = new Map<number, RuleEnd>();
  for (const test of tests) {
    if (test.kind === 'compare' && isState(test.operand)) bits |= comparedBits(test);
    if (test.kind === 'lookup' && test.operands.length === 1 && isState(test.operands[0]!) && !test.isInverted) {
      const set = setOf(test.set);
      for (let at = 0; set && at < set.count; at++) {
        const state = hostU32(keyAt(set, at), 0);
        bits |= state;
        if (test.isMap) ends.set(state, endOf(set.data?.[at]));
      }
    }
  }
  for (const expression of rule.expressions) if (expression.kind === 'match') bits |= decodeXtStates(expression) ?? 0;
  return bits === 0 ? undefined : { bits, ends };
}

/** What the rule does with packets in a state; undefined if it does not name that. */
export function stateEnds(rule: Rule, states: NamedStates | undefined): (state: number) => RuleEnd | undefined {
  const whole = ruleEnd(rule);
  return (state) => (states && (states.bits & state) !== 0 ? (states.ends.get(state) ?? whole) : undefined);
}

/** True if the rule asks for the flags of TCP, as one does that knows beginnings from the rest. */
export function asksForBegin(rule: Rule, tests: readonly Test[]): boolean {
  return (
    tests.some((test) => test.kind === 'compare' && isTcpFlags(test.operand)) ||
    rule.expressions.some((expression) => expression.kind === 'match' && decodeXtPorts(expression)?.flags !== undefined)
  );
}

/** What becomes of the packets that a rule matches. */
function ruleEnd({ expressions }: Rule): RuleEnd {
  const last = expressions.at(-1);
  if (last?.kind === 'reject' || (last?.kind === 'target' && last.name === 'REJECT')) return 'reject';
  return last?.kind === 'immediate' ? endOf(last.data) : 'none';
}

function endOf(data: Data | undefined): RuleEnd {
  if (!data || !('verdict' in data)) return 'none';
  const { kind } = data.verdict;
  if (kind === 'goto') return 'jump';
  return kind === 'accept' || kind === 'drop' || kind === 'jump' ? kind : 'none';
}

/** `ct state a,b` is one of the bits of a mask, `ct state == a` the value; what is not to be, is not named. */
function comparedBits({ operand: { mask }, op, value }: Test & { kind: 'compare' }): number {
  if (value.length !== 4) return 0;
  const bits = hostU32(value, 0);
  if (op === CMP.NEQ && mask && bits === 0) return hostU32(mask, 0);
  return op === CMP.EQ && bits !== 0 ? bits & ALL_STATES : 0;
}

const ALL_STATES = Object.values(CT_STATE_BIT).reduce((all, bit) => all | bit, 0);

function isState({ of, key }: { of: string; key: number }): boolean {
  return of === 'ct' && key === CT.STATE;
}

function isTcpFlags({ of, key, offset, length }: { of: string; key: number; offset: number; length: number }): boolean {
  return of === 'payload' && key === PAYLOAD.TRANSPORT && offset === 13 && length === 1;
}
