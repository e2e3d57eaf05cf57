import { CT_STATE_BIT, OBJECT, CT } from '../../firewall/rules/nf-tables.ts';
import { setId, type Chain, type Expression, type Rule, type RuleObject, type RuleSet } from '../../firewall/rules/ruleset.ts';
import { addressAt, testsOf, type Operand, type Test } from '../../firewall/rules/tests-of.ts';
import { decodeXtConnlimit, decodeXtCt } from '../../firewall/rules/xt-facts.ts';
import type { XtTarget } from '../../firewall/rules/xt-targets.ts';
import { hostU16 } from '../../netlink/attributes.ts';
import { protocolName } from '../../../proto/model/protocol.ts';
import type { TrackingSaying } from '../../../proto/model/policy/foreign-tracking.ts';
import { asksForBegin, statesOf, stateEnds } from './states-of-rule.ts';
import { timeoutsOf } from './timeout-states.ts';

/** What is known beside the rule. */
export interface RuleSurroundings {
  sets: Readonly<Record<string, RuleSet>>;
  objects: readonly RuleObject[];
  /** Conntrack has looked at every packet that comes to the chain. */
  isAfterConntrack: boolean;
}

/** What a rule says about tracking; empty for one that says nothing. */
export function sayingsOf(chain: Chain, rule: Rule, { sets, objects, isAfterConntrack }: RuleSurroundings): TrackingSaying[] {
  const setOf = (name: string): RuleSet | undefined => sets[setId(chain.family, chain.table, name)];
  const objectOf = (kind: number, name: string | undefined): RuleObject | undefined =>
    objects.find((one) => one.family === chain.family && one.table === chain.table && one.kind === kind && one.name === name);
  const tests = testsOf(rule, setOf);
  const notrack = (): TrackingSaying => ({ kind: 'notrack', ...(isAfterConntrack && { isTooLate: true as const }) });
  const says = tests.flatMap((test): TrackingSaying[] => {
    if (test.kind === 'use') return test.by.kind === 'ct' ? setOnEntry(test.by, test.operand) : [];
    if (test.kind !== 'other') return [];
    const { expression, operand } = test;
    switch (expression.kind) {
      case 'notrack':
        return [notrack()];
      case 'object':
        return objectSaying(expression, objectOf);
      case 'chance':
        return expression.limit ? [{ kind: 'limit', ...expression.limit, by: 'all' }] : [];
      case 'dynset':
        return expression.conditions.flatMap((condition) =>
          condition.kind === 'chance' && condition.limit ? [{ kind: 'limit' as const, ...condition.limit, by: sideOf(operand) }] : [],
        );
      case 'quiet':
        return expression.name === 'flow_offload' ? [{ kind: 'offload' }] : [];
      case 'target':
        return xtSayings(expression, notrack);
      case 'match': {
        const limit = decodeXtConnlimit(expression);
        return limit
          ? [{ kind: 'limit', count: limit.count, isOver: limit.isOver, by: limit.isByDestination ? 'destination' : 'source' }]
          : [];
      }
      default:
        return [];
    }
  });
  return [...says, ...stateSayings(rule, tests, setOf)];
}

function setOnEntry({ key, direction }: Expression & { kind: 'ct' }, operand: Operand): TrackingSaying[] {
  if (key === CT.EVENTMASK) return [{ kind: 'events' }];
  if (key !== CT.ZONE) return [];
  const zone = operand.constant && operand.constant.length >= 2 ? hostU16(operand.constant, 0) : undefined;
  return [
    {
      kind: 'zone',
      ...(zone !== undefined && { zone }),
      ...(direction !== undefined && { direction: direction === 1 ? ('reply' as const) : ('original' as const) }),
    },
  ];
}

function objectSaying(
  { object, name, map }: Expression & { kind: 'object' },
  objectOf: (kind: number, name: string | undefined) => RuleObject | undefined,
): TrackingSaying[] {
  const isByMap = map !== undefined && { isByMap: true as const };
  // A map within the rule has a name that nobody gave it.
  const called = name ?? (map?.startsWith('__') ? undefined : map);
  const named = (known: string | undefined): { name?: string } => (known === undefined ? {} : { name: known });
  const found = objectOf(object, name);
  switch (object) {
    case OBJECT.HELPER:
      return [{ kind: 'helper', ...named(found?.helper ?? called), ...isByMap }];
    case OBJECT.TIMEOUT:
      return [
        {
          kind: 'timeout',
          ...named(called),
          ...isByMap,
          ...(found?.proto !== undefined && { proto: protocolName(found.proto), seconds: timeoutsOf(found.proto, found.timeouts ?? {}) }),
        },
      ];
    case OBJECT.EXPECTATION:
      return [{ kind: 'expectation' }];
    default:
      return [];
  }
}

function xtSayings(target: XtTarget, notrack: () => TrackingSaying): TrackingSaying[] {
  const ct = decodeXtCt(target);
  if (!ct) return [];
  const { zone, direction } = ct;
  return [
    ...(ct.isNotrack ? [notrack()] : []),
    ...(zone !== undefined || ct.isZoneByMark
      ? [{ kind: 'zone' as const, ...(zone !== undefined && { zone }), ...(direction && { direction }) }]
      : []),
    ...(ct.helper === undefined ? [] : [{ kind: 'helper' as const, name: ct.helper }]),
    ...(ct.timeout === undefined ? [] : [{ kind: 'timeout' as const, name: ct.timeout }]),
    ...(ct.hasEvents ? [{ kind: 'events' as const }] : []),
  ];
}

/** Of rules that pass what is new, established or related, nothing is said: every firewall has them. */
function stateSayings(rule: Rule, tests: readonly Test[], setOf: (name: string) => RuleSet | undefined): TrackingSaying[] {
  const says: TrackingSaying[] = [];
  const end = stateEnds(rule, statesOf(rule, tests, setOf));
  const invalid = end(CT_STATE_BIT.invalid);
  if (invalid !== undefined && invalid !== 'none' && invalid !== 'accept') says.push({ kind: 'invalid', end: invalid });
  const untracked = end(CT_STATE_BIT.untracked);
  if (untracked !== undefined && untracked !== 'none') says.push({ kind: 'untracked', end: untracked });
  const begun = end(CT_STATE_BIT.new);
  if ((begun === 'drop' || begun === 'reject' || begun === 'jump') && asksForBegin(rule, tests))
    says.push({ kind: 'mid-stream', end: begun });
  return says;
}

function sideOf(operand: Operand | undefined): 'source' | 'destination' | 'other' {
  const side = operand && addressAt(operand)?.side;
  return side === undefined ? 'other' : side === 'src' ? 'source' : 'destination';
}
