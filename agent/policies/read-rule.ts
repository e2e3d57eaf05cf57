import { z } from 'zod';
import { parseAddress, parsePrefix, formatPrefix } from '../../proto/model/address.ts';
import { merged, type NumberRange } from '../../proto/model/block/packets.ts';
import { isIPv6, mergedPrefixes, numberOf, prefixesOf } from '../../proto/model/policy/canonical-rule.ts';
import { protocolNumber } from '../../proto/model/protocol.ts';
import { BEGINNING_FLAGS, CONFIRMED, DIRECTIONS, EXPECTED, STATE_BITS, SYN } from './nft-json.ts';
import { inOrder, type Act, type Test } from './policy-table.ts';

/** What stands in a rule is not of a kind that we write. */
export class NotOurs extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotOurs';
  }
}

const match = z.strictObject({ match: z.strictObject({ op: z.string(), left: z.unknown(), right: z.unknown() }) });
const payload = z.strictObject({ payload: z.strictObject({ protocol: z.string(), field: z.string() }) });
const meta = z.strictObject({ meta: z.strictObject({ key: z.string() }) });
const ct = z.strictObject({ ct: z.strictObject({ key: z.string(), dir: z.literal('original').optional() }) });
const masked = z.strictObject({ '&': z.tuple([z.unknown(), z.unknown()]) });
const limit = z.strictObject({
  set: z.strictObject({
    op: z.literal('add'),
    elem: payload,
    set: z.string().startsWith('@'),
    stmt: z.tuple([z.strictObject({ 'ct count': z.strictObject({ val: z.number(), inv: z.literal(true) }) })]),
  }),
});
const STATEMENTS = ['accept', 'drop', 'return', 'notrack'] as const;
const STATES: Readonly<Record<string, number>> = { invalid: 1, established: 2, related: 4, new: 8 };
const FLAG_BITS: Readonly<Record<string, number>> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 };

/** The tests and acts of a rule as nft lists it, with numbers or with names. Throws NotOurs. Pairs with `ruleObject`. */
export function readRule(expressions: readonly unknown[]): { tests: Test[]; acts: Act[] } {
  const [tests, acts]: [Test[], Act[]] = [[], []];
  for (const expression of expressions) {
    const tested = match.safeParse(expression);
    if (!tested.success) acts.push(readAct(expression));
    else for (const test of readTest(tested.data.match)) addTest(tests, test);
  }
  return { tests: inOrder(tests), acts };
}

/** `tcp sport` and `tcp dport` both say that it is TCP. */
function addTest(tests: Test[], test: Test): void {
  const earlier = tests.find(({ on }) => on === test.on);
  if (!earlier) tests.push(test);
  else if (earlier.on !== 'proto' || JSON.stringify(earlier) !== JSON.stringify(test)) throw new NotOurs(`two comparisons of ${test.on}`);
}

function readTest({ op, left, right }: z.output<typeof match>['match']): Test[] {
  const bits = masked.safeParse(left).data?.['&'];
  const field = bits ? bits[0] : left;
  const ofPayload = payload.safeParse(field).data?.payload;
  const ofMeta = meta.safeParse(field).data?.meta.key;
  const ofCt = ct.safeParse(field).data?.ct;
  if (ofPayload?.protocol === 'tcp' && ofPayload.field === 'flags' && bits && op === '!=' && isBeginning(bits[1], right))
    return [{ on: 'midstream' }];
  if (ofCt?.key === 'status' && isUnconfirmed(op, bits?.[1], right)) return [{ on: 'unconfirmed' }];
  if (ofCt?.key === 'state' && op === 'in') return [{ on: 'state', state: readState(right) }];
  if (ofCt?.key === 'status' && op === 'in' && (right === EXPECTED || right === 'expected')) return [{ on: 'expected' }];
  if (op !== '==' || (bits && ofMeta !== 'mark')) throw new NotOurs(`a comparison by ${op}`);
  switch (ofMeta) {
    case 'iifname':
    case 'oifname':
      return [{ on: ofMeta === 'iifname' ? 'iif' : 'oif', names: valuesOf(right).map(readText).toSorted() }];
    case 'l4proto':
      return [{ on: 'proto', proto: protocolNumber(String(right)) ?? fail('l4proto') }];
    case 'mark':
      return [{ on: 'mark', value: readNumber(right), mask: bits ? readNumber(bits[1]) : 0xffffffff }];
    case undefined:
      break;
    default:
      throw new NotOurs(`meta ${ofMeta}`);
  }
  if (ofCt) return [readCtTest(ofCt, right)];
  if (ofPayload) return readPayloadTest(ofPayload, right);
  throw new NotOurs(Object.keys(Object(field)).join(' '));
}

function readCtTest({ key, dir }: z.output<typeof ct>['ct'], right: unknown): Test {
  if (key === 'direction' && dir === undefined) {
    const direction = DIRECTIONS.find((one, index) => right === one || right === index);
    return { on: 'direction', direction: direction ?? fail('a direction') };
  }
  if (key === 'zone' && dir === undefined) return { on: 'zone', zone: readNumber(right) };
  const [, ip, end] = /^(ip6?) ([sd])addr$/.exec(key) ?? [];
  if (dir === undefined) throw new NotOurs(`ct ${key}`);
  if (ip !== undefined) return { on: end === 's' ? 'src' : 'dst', of: 'flow', ...readPrefixes(ip, right) };
  if (key === 'proto-src' || key === 'proto-dst')
    return { on: key === 'proto-src' ? 'sport' : 'dport', of: 'flow', ranges: readRanges(right) };
  throw new NotOurs(`ct original ${key}`);
}

/** nft leaves out what a comparison implies: `tcp dport` is also one of the protocol. */
function readPayloadTest({ protocol, field }: z.output<typeof payload>['payload'], right: unknown): Test[] {
  if ((protocol === 'ip' || protocol === 'ip6') && (field === 'saddr' || field === 'daddr'))
    return [{ on: field === 'saddr' ? 'src' : 'dst', of: 'packet', ...readPrefixes(protocol, right) }];
  const proto = protocolNumber(protocol);
  if (proto === undefined || (field !== 'sport' && field !== 'dport')) throw new NotOurs(`${protocol} ${field}`);
  return [
    { on: 'proto', proto },
    { on: field, of: 'packet', ranges: readRanges(right) },
  ];
}

function readAct(statement: unknown): Act {
  const [[name, value] = ['', undefined], ...more] = Object.entries(Object(statement) as Record<string, unknown>);
  const plain = STATEMENTS.find((one) => one === name);
  if (more.length === 0) {
    if (plain) return { do: plain };
    if (name === 'goto' || name === 'jump') return { do: name, chain: readText((value as { target?: unknown } | null)?.target) };
    if (name === 'ct timeout' || name === 'ct helper') return { do: name === 'ct timeout' ? 'timeout' : 'helper', name: readText(value) };
    if (name === 'reject' && JSON.stringify(value) === '{"type":"tcp reset"}') return { do: 'reset' };
    const { set: counted } = limit.safeParse(statement).data ?? {};
    const [, family, by] =
      /^ip(6?) ([sd])addr$/.exec(counted ? `${counted.elem.payload.protocol} ${counted.elem.payload.field}` : '') ?? [];
    if (counted && by !== undefined)
      return {
        do: 'limit',
        set: counted.set.slice(1),
        by: by === 's' ? 'src' : 'dst',
        family: family === '6' ? 6 : 4,
        over: counted.stmt[0]['ct count'].val,
      };
  }
  throw new NotOurs(name || 'a statement');
}

function readPrefixes(ip: string, right: unknown): { family: 4 | 6; prefixes: string[] } {
  const family = ip === 'ip' ? 4 : 6;
  const prefixes = mergedPrefixes(valuesOf(right).flatMap(readPrefix));
  return prefixes.length > 0 && prefixes.every((prefix) => isIPv6(prefix) === (family === 6)) ? { family, prefixes } : fail('an address');
}

function readPrefix(value: unknown): string[] {
  const [one, { prefix, range }] = [value, Object(value) as { prefix?: { addr?: unknown; len?: unknown }; range?: unknown[] }];
  if (range) {
    const [from, to] = [parseAddress(String(range[0])), parseAddress(String(range[1]))];
    if (!from || from.length !== to?.length) throw new NotOurs('a range of addresses');
    return prefixesOf(from.length === 4 ? 4 : 6, numberOf(from), numberOf(to));
  }
  const parsed = parsePrefix(prefix ? `${String(prefix.addr)}/${String(prefix.len)}` : String(one));
  return [formatPrefix(parsed ?? fail('an address'))];
}

function readRanges(right: unknown): NumberRange[] {
  return merged(
    valuesOf(right).map((value) => {
      const { range } = Object(value) as { range?: unknown[] };
      return range ? { from: readNumber(range[0]), to: readNumber(range[1]) } : { from: readNumber(value), to: readNumber(value) };
    }),
  );
}

function valuesOf(right: unknown): unknown[] {
  const { set } = Object(right) as { set?: unknown };
  return Array.isArray(set) ? set : [right];
}

function readText(value: unknown): string {
  return typeof value === 'string' ? value : fail('a name');
}

/** nft 1.0.6 lists ports in a set of `ct original proto-dst` as “0x50 [invalid type]”. */
function readNumber(value: unknown): number {
  const text = typeof value === 'string' ? value.replace(/ \[invalid type\]$/, '') : value;
  const number =
    typeof text === 'number' || (typeof text === 'string' && /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : fail('a number');
}

function readState(right: unknown): keyof typeof STATE_BITS {
  const bits = [right].flat().reduce<number>((sum, one) => sum | (STATES[String(one)] ?? readNumber(one)), 0);
  const state = (Object.keys(STATE_BITS) as (keyof typeof STATE_BITS)[]).find((one) => bits === STATE_BITS[one]);
  return state ?? fail('a state');
}

/** nft 1.0.6 lists it as `ct status ! confirmed`. */
function isUnconfirmed(op: string, mask: unknown, right: unknown): boolean {
  const isBit = (value: unknown): boolean => value === CONFIRMED || value === 'confirmed';
  return mask === undefined ? op === '!' && isBit(right) : op === '==' && isBit(mask) && right === 0;
}

function isBeginning(mask: unknown, right: unknown): boolean {
  const flags = (value: unknown): number => {
    const many: unknown = (Object(value) as { '|'?: unknown })['|'] ?? value;
    if (Array.isArray(many)) return many.reduce<number>((bits, one) => bits | flags(one), 0);
    return typeof many === 'number' ? many : (FLAG_BITS[String(many)] ?? 0);
  };
  return flags(mask) === BEGINNING_FLAGS && flags(right) === SYN;
}

function fail(what: string): never {
  throw new NotOurs(`${what} that is not as ours`);
}
