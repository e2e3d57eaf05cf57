import { formatAddress } from '../../../proto/model/address.ts';
import { protocolName } from '../../../proto/model/protocol.ts';
import { hostU16, hostU32 } from '../../netlink/attributes.ts';
import { CMP, CT, CT_STATE_BIT, FIB_FLAG, FIB_RESULT, META, OBJECT, PAYLOAD, RTN } from './nf-tables.ts';
import { FAMILY, type Chain, type Data, type Expression, type Rule } from './ruleset.ts';
import { addressAt, testsOf, type Operand, type Test } from './tests-of.ts';
import { xtMatchText, xtTargetText } from './xt-text.ts';

const FAMILIES: Record<number, string> = Object.fromEntries(
  Object.entries({ ...FAMILY, arp: 3, bridge: 7 }).map(([name, number]) => [number, name]),
);
const MAX_TEXT = 200;
const texts = new WeakMap<Rule, string>();

export function chainText({ family, table, name }: Chain): string {
  return `${familyText(family)} ${table} ${name}`;
}

/** A rule as people find it: its chain, its handle as `nft -a` shows it, and what it says about as nft would write it. */
export function ruleText(chain: Chain, rule: Rule): string {
  let text = texts.get(rule);
  if (text === undefined) {
    text = `${chainText(chain)} handle ${rule.handle}: ${ruleWords(rule)}${rule.comment ? ` (${rule.comment})` : ''}`;
    texts.set(rule, text);
  }
  return text;
}

/** What a rule says, about as nft would write it; of matches and targets of iptables, as iptables would. Long ones are cut. */
export function ruleWords(rule: Rule): string {
  const words = testsOf(rule, () => undefined)
    .map(testText)
    .filter(Boolean)
    .join(' ');
  return words.length > MAX_TEXT ? `${words.slice(0, MAX_TEXT)} …` : words;
}

export function familyText(family: number): string {
  return FAMILIES[family] ?? String(family);
}

const OPS: Record<number, string> = { [CMP.EQ]: '', [CMP.NEQ]: '!= ', [CMP.LT]: '< ', [CMP.LTE]: '<= ', [CMP.GT]: '> ', [CMP.GTE]: '>= ' };
/** What only sets the stage for the next test. */
const isStage = (operand: Operand): boolean => operand.of === 'meta' && (operand.key === META.NFPROTO || operand.key === META.PROTOCOL);

function testText(test: Test): string {
  switch (test.kind) {
    case 'compare':
      return isStage(test.operand) ? '' : `${operandText(test.operand)} ${OPS[test.op] ?? ''}${valueText(test.operand, test.value)}`;
    case 'range':
      return `${operandText(test.operand)} ${test.isInverted ? '!= ' : ''}${valueText(test.operand, test.low)}-${valueText(test.operand, test.high)}`;
    case 'lookup':
      return `${test.operands.map(operandText).join(' . ')} ${test.isInverted ? '!= ' : ''}${test.isMap ? 'map ' : ''}${test.set.startsWith('__') ? '{ … }' : `@${test.set}`}`;
    case 'use':
      return useText(test.by, test.operand);
    case 'other':
      return expressionText(test.expression);
  }
}

/** What becomes of a value: `ct mark set meta mark`. */
function useText(by: Expression, operand: Operand): string {
  const { constant } = operand;
  const isZone = by.kind === 'ct' && by.key === CT.ZONE && constant?.length === 2;
  const value = isZone ? hostU16(constant, 0) : constant ? hex(constant, by.kind !== 'payload') : operandText(operand);
  if (by.kind === 'ct') return `ct ${directionText(by.direction)}${CT_NAMES[by.key] ?? by.key} set ${value}`;
  if (by.kind === 'meta') return `${META_NAMES[by.key] ?? `meta ${by.key}`} set ${value}`;
  return `${by.kind} set ${value}`;
}

function directionText(direction: number | undefined): string {
  return direction === undefined ? '' : direction === 1 ? 'reply ' : 'original ';
}

const META_NAMES: Record<number, string> = {
  [META.MARK]: 'meta mark',
  [META.IIF]: 'iif',
  [META.OIF]: 'oif',
  [META.IIFNAME]: 'iifname',
  [META.OIFNAME]: 'oifname',
  [META.L4PROTO]: 'meta l4proto',
  [META.PKTTYPE]: 'meta pkttype',
  [META.SKUID]: 'meta skuid',
};
const CT_NAMES: Record<number, string> = {
  [CT.STATE]: 'state',
  [CT.DIRECTION]: 'direction',
  [CT.STATUS]: 'status',
  [CT.MARK]: 'mark',
  [CT.HELPER]: 'helper',
  [CT.ZONE]: 'zone',
  [CT.SRC]: 'saddr',
  [CT.DST]: 'daddr',
  [CT.SRC_IP]: 'ip saddr',
  [CT.DST_IP]: 'ip daddr',
  [CT.SRC_IP6]: 'ip6 saddr',
  [CT.DST_IP6]: 'ip6 daddr',
  [CT.PROTO_SRC]: 'proto-src',
  [CT.PROTO_DST]: 'proto-dst',
  [CT.PROTOCOL]: 'protocol',
};

function operandText(operand: Operand): string {
  const { of, key, offset, length, detail, mask } = operand;
  const address = addressAt(operand);
  const prefix = address ? `${address.length === 4 ? 'ip' : 'ip6'} ${address.side === 'src' ? 'saddr' : 'daddr'}` : undefined;
  const name =
    prefix ??
    (of === 'payload'
      ? payloadText(key, offset, length)
      : of === 'meta'
        ? (META_NAMES[key] ?? `meta ${key}`)
        : of === 'ct'
          ? `ct ${directionText(detail)}${CT_NAMES[key] ?? key}`
          : of === 'fib'
            ? `fib ${(detail ?? 0) & FIB_FLAG.SOURCE ? 'saddr' : 'daddr'} ${key === FIB_RESULT.TYPE ? 'type' : 'oif'}`
            : 'a value');
  return mask ? `${name} & ${hex(mask, of !== 'payload')}` : name;
}

function payloadText(base: number, offset: number, length: number): string {
  if (base === PAYLOAD.TRANSPORT && length === 2 && offset < 4) return offset === 0 ? 'th sport' : 'th dport';
  if (base === PAYLOAD.TRANSPORT && length === 1 && offset === 13) return 'tcp flags';
  if (base === PAYLOAD.TRANSPORT && length === 1 && offset === 0) return 'icmp type';
  if (base === PAYLOAD.NETWORK && length === 1 && offset === 9) return 'ip protocol';
  return `@${['ll', 'nh', 'th'][base] ?? base},${offset * 8},${length * 8}`;
}

const ADDRESS_TYPES: Record<number, string> = Object.fromEntries(Object.entries(RTN).map(([name, number]) => [number, name.toLowerCase()]));

function valueText(operand: Operand, value: Uint8Array): string {
  const { of, key, mask, length } = operand;
  const address = addressAt(operand);
  if (address && length <= address.length) {
    const whole = new Uint8Array(address.length);
    whole.set(value.subarray(0, address.length));
    return length < address.length ? `${formatAddress(whole)}/${length * 8}` : formatAddress(whole);
  }
  if (of === 'meta' && (key === META.IIFNAME || key === META.OIFNAME)) {
    const end = value.indexOf(0);
    return `"${new TextDecoder().decode(end < 0 ? value : value.subarray(0, end))}${end < 0 ? '*' : ''}"`;
  }
  if (of === 'ct' && key === CT.STATE && value.length === 4) {
    const bits = hostU32(mask ?? value, 0);
    return (
      Object.entries(CT_STATE_BIT)
        .filter(([, bit]) => bits & bit)
        .map(([name]) => name)
        .join(',') || hex(value, true)
    );
  }
  if (of === 'fib' && key === FIB_RESULT.TYPE) return ADDRESS_TYPES[hostU32(value, 0)] ?? hex(value, true);
  if (of === 'payload' && key === PAYLOAD.NETWORK && operand.offset === 9) return protocolName(value[0] ?? 0);
  if (of === 'meta' && key === META.L4PROTO) return protocolName(value[0] ?? 0);
  if (of === 'payload' && key === PAYLOAD.TRANSPORT && value.length <= 2) return String(value.reduce((sum, byte) => sum * 256 + byte, 0));
  return hex(value, of !== 'payload');
}

function hex(bytes: Uint8Array, isHostOrder: boolean): string {
  if (isHostOrder && bytes.length === 4) return `0x${hostU32(bytes, 0).toString(16)}`;
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

const OBJECTS: Record<number, string> = {
  [OBJECT.COUNTER]: 'counter name',
  [OBJECT.HELPER]: 'ct helper set',
  [OBJECT.TIMEOUT]: 'ct timeout set',
  [OBJECT.SECMARK]: 'meta secmark set',
  [OBJECT.EXPECTATION]: 'ct expectation set',
};

function expressionText(expression: Expression): string {
  switch (expression.kind) {
    case 'immediate':
      return 'verdict' in expression.data ? dataText(expression.data) : '';
    case 'nat':
      return expression.isSource ? 'snat' : 'dnat';
    case 'masq':
      return 'masquerade';
    case 'redir':
      return 'redirect';
    case 'reject':
      return expression.isReset ? 'reject with tcp reset' : 'reject';
    case 'match':
      return xtMatchText(expression) ?? `xt match ${expression.name}`;
    case 'target':
      return xtTargetText(expression) ?? `xt target ${expression.name}`;
    case 'dynset':
      return `update @${expression.set}${expression.conditions
        .map(expressionText)
        .filter(Boolean)
        .map((text) => ` { ${text} }`)
        .join('')}`;
    case 'object':
      return (
        `${OBJECTS[expression.object] ?? 'an object'} ` +
        `${expression.name === undefined ? `map @${expression.map}` : `"${expression.name}"`}`
      );
    case 'quiet':
      return expression.name === 'counter' ? '' : expression.name;
    case 'chance':
      return expression.limit ? `ct count ${expression.limit.isOver ? 'over ' : ''}${expression.limit.count}` : expression.name;
    case 'number':
      return expression.name;
    default:
      return expression.kind;
  }
}

function dataText(data: Data): string {
  return 'verdict' in data ? `${data.verdict.kind}${'chain' in data.verdict ? ` ${data.verdict.chain}` : ''}` : '';
}
