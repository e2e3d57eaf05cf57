import { parsePrefix, formatAddress } from '../../proto/model/address.ts';
import type { NumberRange } from '../../proto/model/block/packets.ts';
import { protocolName } from '../../proto/model/protocol.ts';
import { POLICY_TABLE, type Act, type PolicyChain, type TableRule, type Test } from './policy-table.ts';

/** TCP flags: FIN, SYN, RST and ACK, and SYN alone. */
export const BEGINNING_FLAGS = 0x17;
export const SYN = 0x02;
/** Of `ct state`. */
export const STATE_BITS = { invalid: 1, new: 8, related: 4, tracked: 2 | 4 | 8 } as const;

/** Of `ct status`. */
export const [EXPECTED, CONFIRMED] = [1, 8];
/** Of `ct direction`. */
export const DIRECTIONS = ['original', 'reply'] as const;

/** A rule as libnftables takes it (libnftables-json(5)). Pairs with `readRule`. */
export function ruleObject(chain: string, { comment, tests, acts }: TableRule): object {
  const proto = tests.find((test) => test.on === 'proto')?.proto;
  const expr = [...tests.map((test) => testExpression(test, proto)), ...acts.map(actStatement)];
  return { rule: { ...POLICY_TABLE, chain, ...(comment !== undefined && { comment }), expr } };
}

export function chainObject({ name, base }: PolicyChain): object {
  const hooked = base && { type: 'filter', hook: base.hook, prio: base.priority, policy: 'accept' };
  return { chain: { ...POLICY_TABLE, name, ...hooked } };
}

function testExpression(test: Test, proto: number | undefined): object {
  switch (test.on) {
    case 'state':
      return match('in', { ct: { key: 'state' } }, STATE_BITS[test.state]);
    case 'direction':
      return match('==', { ct: { key: 'direction' } }, DIRECTIONS.indexOf(test.direction));
    case 'expected':
      return match('in', { ct: { key: 'status' } }, EXPECTED);
    case 'iif':
    case 'oif':
      return match('==', meta(`${test.on}name`), oneOrSet(test.names));
    case 'src':
    case 'dst': {
      const [ip, field] = [test.family === 4 ? 'ip' : 'ip6', test.on === 'src' ? 'saddr' : 'daddr'];
      const left = test.of === 'packet' ? payload(ip, field) : { ct: { key: `${ip} ${field}`, dir: 'original' } };
      return match('==', left, oneOrSet(test.prefixes.map(prefixValue)));
    }
    case 'proto':
      return match('==', meta('l4proto'), test.proto);
    case 'sport':
    case 'dport': {
      const left =
        test.of === 'packet'
          ? payload(protocolName(proto!), test.on)
          : { ct: { key: test.on === 'sport' ? 'proto-src' : 'proto-dst', dir: 'original' } };
      return match('==', left, oneOrSet(test.ranges.map(rangeValue)));
    }
    case 'zone':
      return match('==', { ct: { key: 'zone' } }, test.zone);
    case 'mark':
      return match('==', test.mask === 0xffffffff ? meta('mark') : { '&': [meta('mark'), test.mask] }, test.value);
    case 'midstream':
      return match('!=', { '&': [payload('tcp', 'flags'), BEGINNING_FLAGS] }, SYN);
    case 'unconfirmed':
      return match('==', { '&': [{ ct: { key: 'status' } }, CONFIRMED] }, 0);
  }
}

function actStatement(act: Act): object {
  switch (act.do) {
    case 'accept':
    case 'drop':
    case 'return':
    case 'notrack':
      return { [act.do]: null };
    case 'reset':
      return { reject: { type: 'tcp reset' } };
    case 'goto':
    case 'jump':
      return { [act.do]: { target: act.chain } };
    case 'timeout':
    case 'helper':
      return { [`ct ${act.do}`]: act.name };
    case 'limit': {
      const elem = payload(act.family === 4 ? 'ip' : 'ip6', act.by === 'src' ? 'saddr' : 'daddr');
      return { set: { op: 'add', elem, set: `@${act.set}`, stmt: [{ 'ct count': { val: act.over, inv: true } }] } };
    }
  }
}

function match(op: '==' | '!=' | 'in', left: object, right: unknown): object {
  return { match: { op, left, right } };
}

function meta(key: string): object {
  return { meta: { key } };
}

function payload(protocol: string, field: string): object {
  return { payload: { protocol, field } };
}

function oneOrSet(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : { set: values };
}

/** Of a parsed prefix, never the text that somebody wrote. */
function prefixValue(text: string): unknown {
  const { address, bits } = parsePrefix(text)!;
  return bits === address.length * 8 ? formatAddress(address) : { prefix: { addr: formatAddress(address), len: bits } };
}

function rangeValue({ from, to }: NumberRange): unknown {
  return from === to ? from : { range: [from, to] };
}
