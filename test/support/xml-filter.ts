import { isIP } from 'node:net';
import type { FlowFilter, Match, Term } from '../../proto/model/filter/filter.ts';
import { SERVICES } from '../../proto/model/services.ts';
import type { XmlFlow, XmlTuple } from './conntrack-xml.ts';

/** What a listing does not show but a filter may ask for. */
export interface XmlFacts {
  /** Seconds since the listing was read: a flow's remaining time has shrunk by as much. */
  laterSeconds: number;
  nowMs: number;
  /** Full timeouts as `sysctl` prints them, by what follows `nf_conntrack_`. */
  sysctls: Record<string, number>;
  /** Addresses of the WANs by name, in order. */
  wans: Record<string, string[]>;
  /** Ids of the flows that `conntrack -u WORD` lists. */
  withStatus: Record<'EXPECTED' | 'FIXED_TIMEOUT', ReadonlySet<number>>;
}

type Truth = boolean | undefined;

/**
 * What a filter says about an entry that the conntrack program printed. Written from the grammar (console.md, docs/filters.md) and kept
 * separate from both evaluators of the product, so that all three would have to be wrong in the same way. Unknown stays unknown under
 * `not`.
 */
export function truthOfXml(filter: FlowFilter, flow: XmlFlow, facts: XmlFacts): Truth {
  switch (filter.kind) {
    case 'everything':
      return true;
    case 'not': {
      const inner = truthOfXml(filter.operand, flow, facts);
      return inner === undefined ? undefined : !inner;
    }
    case 'and': {
      const inner = filter.operands.map((one) => truthOfXml(one, flow, facts));
      return inner.includes(false) ? false : inner.includes(undefined) ? undefined : true;
    }
    case 'or': {
      const inner = filter.operands.map((one) => truthOfXml(one, flow, facts));
      return inner.includes(true) ? true : inner.includes(undefined) ? undefined : false;
    }
    case 'term':
      return truthOfTerm(filter, flow, facts);
  }
}

function truthOfTerm({ field, match }: Term, flow: XmlFlow, facts: XmlFacts): Truth {
  const { orig, reply } = flow;
  const [isSnat, isDnat] = [
    orig.src !== reply.dst || (orig.sport !== reply.dport && flow.orig.proto !== 1),
    orig.dst !== reply.src || orig.dport !== reply.sport,
  ];
  switch (field) {
    case 'ip':
    case 'host':
      return any(at(orig, 'src', match), at(orig, 'dst', match), at(reply, 'src', match), at(reply, 'dst', match));
    case 'src':
      return at(orig, 'src', match);
    case 'dst':
      return at(orig, 'dst', match);
    case 'rsrc':
      return at(reply, 'src', match);
    case 'rdst':
      return at(reply, 'dst', match);
    case 'nat':
      return any(isSnat && at(reply, 'dst', match), isDnat && at(reply, 'src', match));
    case 'port':
      return any(...[orig.sport, orig.dport, reply.sport, reply.dport].map((port) => part(port, TRANSPORTS, orig.proto, match)));
    case 'sport':
      return part(orig.sport, TRANSPORTS, orig.proto, match);
    case 'dport':
      return part(orig.dport, TRANSPORTS, orig.proto, match);
    case 'rsport':
      return part(reply.sport, TRANSPORTS, orig.proto, match);
    case 'rdport':
      return part(reply.dport, TRANSPORTS, orig.proto, match);
    case 'key':
      return any(...[orig.srcKey, orig.dstKey, reply.srcKey, reply.dstKey].map((key) => part(key, GRE, orig.proto, match)));
    case 'srckey':
      return part(orig.srcKey, GRE, orig.proto, match);
    case 'dstkey':
      return part(orig.dstKey, GRE, orig.proto, match);
    case 'rsrckey':
      return part(reply.srcKey, GRE, orig.proto, match);
    case 'rdstkey':
      return part(reply.dstKey, GRE, orig.proto, match);
    case 'orig-zone':
      return match.kind === 'none' ? orig.zone === undefined : orig.zone !== undefined && between(orig.zone, match);
    case 'reply-zone':
      return match.kind === 'none' ? reply.zone === undefined : reply.zone !== undefined && between(reply.zone, match);
    case 'proto':
      return between(orig.proto, match);
    case 'family':
      return between(orig.family, match);
    case 'id':
      return between(flow.id, match);
    case 'zone':
      return [flow.zone, orig.zone, reply.zone].some((zone) => zone !== undefined && between(zone, match));
    case 'mark':
      return match.kind === 'mask' && BigInt.asUintN(32, BigInt(flow.mark) & BigInt(match.mask)) === BigInt(match.value);
    case 'label':
      return match.kind === 'none' ? flow.labels.length === 0 : flow.labels.some((label) => fits(label.slice('bit'.length), match));
    case 'helper':
      return match.kind === 'none' ? flow.helper === undefined : flow.helper !== undefined && fits(flow.helper, match);
    case 'wan': {
      const name = [reply.dst, orig.dst, orig.src]
        .map((address) => Object.keys(facts.wans).find((wan) => facts.wans[wan]!.includes(address)))
        .find((wan) => wan !== undefined);
      return match.kind === 'none' ? name === undefined : name !== undefined && fits(name, match);
    }
    case 'app':
      return (SERVICES[wordOf(match)] ?? []).some(
        ({ proto, ports }) => proto === orig.proto && (!ports || ports.some(([low, high]) => orig.dport! >= low && orig.dport! <= high)),
      );
    case 'state':
      return isInState(wordOf(match), flow, facts);
    case 'status':
      switch (wordOf(match)) {
        case 'replied':
          return !flow.isUnreplied;
        case 'unreplied':
          return flow.isUnreplied;
        case 'assured':
          return flow.isAssured;
        case 'snat':
          return isSnat;
        case 'dnat':
          return isDnat;
        case 'nat':
          return isSnat || isDnat;
        case 'confirmed':
          return true;
        case 'expected':
          return facts.withStatus.EXPECTED.has(flow.id);
        case 'fixed-timeout':
          return facts.withStatus.FIXED_TIMEOUT.has(flow.id);
        // Entries of this table got their helpers on request, and that is what the bit says.
        case 'helper':
          return flow.helper !== undefined;
        default:
          return false; // dying, offload, hw-offload, seq-adjust: no entry of this table is
      }
    case 'age':
      return flow.startedAtNs === undefined
        ? undefined
        : between(Math.floor((facts.nowMs - Number(flow.startedAtNs / 1_000_000n)) / 1000), match);
    case 'timeout':
      return flow.timeout === undefined ? undefined : between(flow.timeout - facts.laterSeconds, match);
    case 'idle': {
      const idle = idleOf(flow, facts);
      if (idle !== undefined) return between(idle, match);
      // Nothing has been idle for longer than it has existed.
      if (flow.startedAtNs === undefined || match.kind !== 'range') return undefined;
      const age = Math.floor((facts.nowMs - Number(flow.startedAtNs / 1_000_000n)) / 1000);
      const { from = -Infinity, to = Infinity } = match;
      if (from <= 0 && to >= age) return true;
      return to < 0 || from > age ? false : undefined;
    }
    case 'bytes':
      return orig.bytes === undefined || reply.bytes === undefined ? undefined : between(Number(orig.bytes + reply.bytes), match);
    case 'packets':
      return orig.packets === undefined || reply.packets === undefined ? undefined : between(Number(orig.packets + reply.packets), match);
    default:
      throw new Error(`${field} is not a field of a table`);
  }
}

function isInState(word: string, flow: XmlFlow, { withStatus }: XmlFacts): boolean {
  const state = stateOf(flow);
  if (word === 'new') return flow.isUnreplied;
  if (word === 'related') return withStatus.EXPECTED.has(flow.id);
  if (word === 'expired') return false;
  if (word === 'established' && state === undefined) return !flow.isUnreplied;
  return state?.toLowerCase().replaceAll('_', '-') === word;
}

/**
 * The program prints an SCTP state by the name that the same number has for TCP (seen with 1.4.7); this table has SCTP in ESTABLISHED only.
 */
function stateOf({ orig, state }: XmlFlow): string | undefined {
  return orig.proto === 132 && state === 'FIN_WAIT' ? 'ESTABLISHED' : state;
}

function idleOf(flow: XmlFlow, { sysctls, laterSeconds, withStatus }: XmlFacts): number | undefined {
  // No packet created it: the test did, with a timeout of its own choice.
  if (flow.orig.packets === 0n && flow.reply.packets === 0n) return undefined;
  const seconds = (name: string): number | undefined => sysctls[name];
  const state = stateOf(flow)?.toLowerCase();
  const fullTimes: Record<number, () => number | undefined> = {
    1: () => seconds('icmp_timeout'),
    6: () =>
      state === 'established' && flow.isUnreplied
        ? Math.min(seconds('tcp_timeout_established')!, seconds('tcp_timeout_unacknowledged')!)
        : seconds(`tcp_timeout_${state}`),
    17: () => seconds(flow.isAssured ? 'udp_timeout_stream' : 'udp_timeout'),
    47: () => seconds(flow.isUnreplied ? 'gre_timeout' : 'gre_timeout_stream'),
    58: () => seconds('icmpv6_timeout'),
    132: () => seconds(`sctp_timeout_${state}`),
    136: () => undefined, // no sysctl says
  };
  const full = withStatus.FIXED_TIMEOUT.has(flow.id) ? undefined : (fullTimes[flow.orig.proto] ?? (() => seconds('generic_timeout')))();
  const remaining = flow.timeout! - laterSeconds;
  return full === undefined || remaining > full ? undefined : Math.max(0, full - remaining - 1);
}

const TRANSPORTS = [6, 17, 33, 132, 136];
const GRE = [47];

/** One end of a tuple; for an endpoint with the port beside it. */
function at({ proto, ...tuple }: XmlTuple, side: 'src' | 'dst', match: Match): Truth {
  if (match.kind !== 'endpoint') return within(tuple[side], match);
  if (!within(tuple[side], { kind: 'prefix', prefix: match.prefix })) return false;
  return part(tuple[side === 'src' ? 'sport' : 'dport'], TRANSPORTS, proto, { kind: 'range', from: match.from, to: match.to });
}

/** Unknown if these protocols should have it and the listing does not show it. */
function part(value: number | undefined, protocols: number[], proto: number, match: Match): Truth {
  return value === undefined ? (protocols.includes(proto) ? undefined : false) : between(value, match);
}

function any(...truths: Truth[]): Truth {
  return truths.includes(true) ? true : truths.includes(undefined) ? undefined : false;
}

function within(address: XmlTuple['src'], match: Match): boolean {
  if (match.kind !== 'prefix') throw new Error(`an address is not compared by ${match.kind}`);
  const { family, address: network, bits } = match.prefix;
  if (isIP(address) !== family) return false;
  const width = family === 4 ? 32n : 128n;
  const shift = width - BigInt(bits);
  return addressNumber(address) >> shift === BigInt(`0x${Buffer.from(network).toString('hex')}`) >> shift;
}

/** An address as one number. */
function addressNumber(text: string): bigint {
  if (isIP(text) === 4) return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail] = text.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? before : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

function between(value: number, match: Match): boolean {
  if (match.kind !== 'range') throw new Error(`a number is not compared by ${match.kind}`);
  return !(match.from !== undefined && value < match.from) && !(match.to !== undefined && value > match.to);
}

/** Matches a name against a pattern with `*` and `?`, by hand. */
function fits(name: string, match: Match): boolean {
  const pattern = [...wordOf(match).toLowerCase()];
  const letters = [...name.toLowerCase()];
  const from = (p: number, l: number): boolean => {
    if (p === pattern.length) return l === letters.length;
    if (pattern[p] === '*')
      return Array.from({ length: letters.length - l + 1 }, (_, skipped) => skipped).some((skipped) => from(p + 1, l + skipped));
    return l < letters.length && (pattern[p] === '?' || pattern[p] === letters[l]) && from(p + 1, l + 1);
  };
  return from(0, 0);
}

function wordOf(match: Match): string {
  if (match.kind !== 'glob') throw new Error(`a word is not compared by ${match.kind}`);
  return match.pattern;
}
