import { hostU16, hostU32 } from '../../netlink/attributes.ts';
import type { RoutePrefix } from '../../netlink/route-messages.ts';
import { endAt, keyAt } from './lookup.ts';
import { CMP, CT, FIB_FLAG, FIB_RESULT, META, NAT_FLAG, PAYLOAD, PRIORITY } from './nf-tables.ts';
import type { Hook } from './packet.ts';
import type { AddressReads, Field, Reads } from './rules.ts';
import { setId, type Chain, type Expression, type RuleSet } from './ruleset.ts';
import type { Surroundings } from './surroundings.ts';
import { targetsOf } from './targets-of.ts';
import { addressAt, testsOf, type Operand, type Test } from './tests-of.ts';

/** What all chains that the base chains of a hook lead to ask of packets. */
export function readsOf(
  hook: Hook,
  bases: readonly Chain[],
  chains: ReadonlyMap<string, Chain>,
  sets: Readonly<Record<string, RuleSet>>,
  surroundings: Surroundings,
): Reads {
  const collector = new Collector(surroundings);
  const seen = new Set<Chain>();
  const waiting = [...bases];
  for (let chain = waiting.pop(); chain; chain = waiting.pop()) {
    if (seen.has(chain)) continue;
    seen.add(chain);
    const { family, table } = chain;
    const setOf = (name: string): RuleSet | undefined => sets[setId(family, table, name)];
    for (const rule of chain.rules) {
      for (const test of testsOf(rule, setOf)) collector.note(test, setOf);
      for (const target of targetsOf(rule.expressions, setOf)) {
        const next = chains.get(`${family} ${table} ${target}`);
        if (next) waiting.push(next);
      }
    }
  }
  // What comes after translation meets the addresses of the entry.
  const natPriority =
    hook === 'forward' ? Infinity : hook === 'prerouting' || hook === 'output' ? PRIORITY.NAT_DESTINATION : PRIORITY.NAT_SOURCE;
  if (bases.some(({ base, rules }) => base!.type !== 'nat' && rules.length > 0 && base!.priority >= natPriority))
    collector.field('status', 'translation', 'direction', 'state');
  if (bases.some(({ base }) => base!.type === 'nat')) collector.field('state', 'direction');
  for (const chain of bases) if (chain.base!.devices.length > 0) collector.field('in');
  return collector.finish();
}

type Interval = [low: Uint8Array, high: Uint8Array];

class Collector {
  readonly #fields = new Set<Field>();
  readonly #surroundings: Surroundings;
  readonly #sources: AddressReads = { prefixes: [], areWhole: false };
  readonly #destinations: AddressReads = { prefixes: [], areWhole: false };
  readonly #sports: [number, number][] = [];
  readonly #dports: [number, number][] = [];
  /** Sides of which every port is told from every other. */
  readonly #areWhole = new Set<'sport' | 'dport'>();
  #mark = 0;
  #ctMark = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  finish(): Reads {
    return {
      fields: this.#fields,
      sources: this.#sources,
      destinations: this.#destinations,
      sports: this.#sports,
      dports: this.#dports,
      mark: this.#mark >>> 0,
      ctMark: this.#ctMark >>> 0,
    };
  }

  field(...fields: Field[]): void {
    for (const field of fields) this.#fields.add(field);
  }

  note(test: Test, setOf: (name: string) => RuleSet | undefined): void {
    switch (test.kind) {
      case 'compare':
        this.#operand(test.operand, [test.op === CMP.EQ || test.op === CMP.NEQ ? [test.value, test.value] : [test.value, test.value]]);
        break;
      case 'range':
        this.#operand(test.operand, [[test.low, test.high]]);
        break;
      case 'use':
        this.#operand(test.operand, undefined);
        break;
      case 'lookup': {
        const set = setOf(test.set);
        let start = 0;
        test.operands.forEach((operand, field) => {
          const length = set?.fields[field] ?? (test.operands.length > 1 ? operand.length : (set?.keyLength ?? operand.length));
          this.#operand(operand, set && set.why === undefined ? intervalsOf(set, start, length) : undefined, set?.why !== undefined);
          start += (length + 3) & ~3;
        });
        break;
      }
      case 'other':
        this.#other(test.expression);
        break;
    }
  }

  /**
   * @param intervals what it is compared with; undefined where all of it is used. @param isIdle the answer is not known whatever the value
   * is
   */
  #operand(operand: Operand, intervals: Interval[] | undefined, isIdle = false): void {
    if (isIdle) return;
    switch (operand.of) {
      case 'payload':
        this.#payload(operand, intervals);
        break;
      case 'meta':
        this.#meta(operand, intervals);
        break;
      case 'ct':
        this.#ct(operand);
        break;
      case 'fib':
        if (operand.key !== FIB_RESULT.TYPE) {
          this.field('routes', 'src', 'dst', 'in', 'out');
          if ((operand.detail ?? 0) & FIB_FLAG.MARK) this.#marks(0xffff_ffff);
        } else
          this.#addressType(
            ((operand.detail ?? 0) & FIB_FLAG.SOURCE) !== 0 ? 'src' : 'dst',
            ((operand.detail ?? 0) & (FIB_FLAG.IIF | FIB_FLAG.OIF)) !== 0,
          );
        break;
      case 'other':
        break;
    }
  }

  #payload(operand: Operand, intervals: Interval[] | undefined): void {
    const { key, offset, length, mask } = operand;
    if (key === PAYLOAD.NETWORK) {
      const address = addressAt(operand);
      if (address && length <= address.length) {
        this.#address(address.side, address.length, length, mask, intervals);
        return;
      }
      // IPv4's addresses begin at 12; before that is the protocol, at 9, and at 6 that of IPv6.
      if (offset + length > 12 && offset < 40) this.#whole('src', 'dst');
      if (offset <= 9 && offset + length > 6) this.field('proto');
      if (length > 1 || (offset !== 9 && offset !== 6)) this.field('other');
    } else if (key === PAYLOAD.TRANSPORT) {
      this.field('proto');
      const overlaps = (from: number, to: number): boolean => offset < to && offset + length > from;
      if (overlaps(0, 2)) this.#port('sport', offset === 0 && length === 2 && !mask ? intervals : undefined);
      if (overlaps(2, 4)) this.#port('dport', offset === 2 && length === 2 && !mask ? intervals : undefined);
      if (overlaps(0, 2)) this.field('icmp');
      if (overlaps(13, 14)) this.field('tcpFlags');
      if (offset + length > 4 && !(offset === 13 && length === 1)) this.field('other');
    } else this.field('other');
  }

  #meta({ key, mask }: Operand, intervals: Interval[] | undefined): void {
    switch (key) {
      case META.MARK:
        this.#marks(mask ? hostU32(mask, 0) : 0xffff_ffff);
        break;
      case META.IIF:
      case META.IIFNAME:
      case META.SKUID:
      case META.SKGID:
        this.field('in');
        break;
      case META.OIF:
      case META.OIFNAME:
        this.field('out');
        break;
      case META.L4PROTO:
        this.field('proto');
        break;
      case META.PKTTYPE:
        this.#addressType('dst', true);
        break;
      case META.NFPROTO:
      case META.PROTOCOL:
        break;
      default:
        if (intervals) this.field('other');
    }
  }

  #ct({ key, mask, detail }: Operand): void {
    this.field('state');
    switch (key) {
      case CT.STATE:
        break;
      case CT.DIRECTION:
        this.field('direction');
        break;
      case CT.STATUS:
        this.field('status');
        break;
      case CT.MARK:
        this.#ctMarks(mask ? hostU32(mask, 0) : 0xffff_ffff);
        break;
      case CT.HELPER:
        this.field('helper');
        break;
      case CT.ZONE:
        this.field('zone');
        break;
      case CT.PROTOCOL:
        this.field('proto');
        break;
      case CT.SRC:
      case CT.DST:
      case CT.PROTO_SRC:
      case CT.PROTO_DST:
      case CT.SRC_IP:
      case CT.DST_IP:
      case CT.SRC_IP6:
      case CT.DST_IP6:
        this.#ends(detail === 1 ? 'reply' : 'original');
        break;
      default:
        this.field('other');
    }
  }

  #marks(bits: number): void {
    this.field('mark');
    this.#mark |= bits;
  }

  #ctMarks(bits: number): void {
    this.field('ctMark', 'state');
    this.#ctMark |= bits;
  }

  /** The original ends of an entry that begins are those of the packet. */
  #ends(which: 'original' | 'reply'): void {
    this.field(which, 'direction', 'state');
    if (which === 'reply') return;
    this.#whole('src', 'dst');
    this.#port('sport', undefined);
    this.#port('dport', undefined);
  }

  #side(side: 'src' | 'dst'): AddressReads {
    this.field(side);
    return side === 'src' ? this.#sources : this.#destinations;
  }

  #whole(...sides: ('src' | 'dst')[]): void {
    for (const side of sides) this.#side(side).areWhole = true;
  }

  #address(side: 'src' | 'dst', size: 4 | 16, length: number, mask: Uint8Array | undefined, intervals: Interval[] | undefined): void {
    const reads = this.#side(side);
    const bits = mask ? prefixBits(mask) : length * 8;
    if (!intervals || bits === undefined) {
      reads.areWhole = true;
      return;
    }
    const padded = (bytes: Uint8Array, fill: number): Uint8Array => {
      const whole = new Uint8Array(size).fill(fill);
      whole.set(bytes.subarray(0, Math.min(length, size)));
      return whole;
    };
    for (const [low, high] of intervals) {
      if (isSame(low, high)) reads.prefixes.push({ bytes: padded(low, 0), bits });
      else reads.prefixes.push({ bytes: padded(low, 0), bits: size * 8 }, { bytes: padded(high, 0xff), bits: size * 8 });
    }
  }

  /** Borders of the addresses of the gateway, broadcasts and multicast. */
  #addressType(side: 'src' | 'dst', isByLink: boolean): void {
    const reads = this.#side(side);
    reads.prefixes.push(...this.#surroundings.locals.map(({ bytes, bits }): RoutePrefix => ({ bytes, bits })), ...SPECIAL);
    if (isByLink) this.field('in', 'out');
  }

  #port(side: 'sport' | 'dport', intervals: Interval[] | undefined): void {
    this.field(side);
    const ranges = side === 'sport' ? this.#sports : this.#dports;
    if (intervals) for (const [low, high] of intervals) ranges.push([portOf(low), portOf(high)]);
    else if (!this.#areWhole.has(side)) for (let port = 0; port < 0x1_0000; port += 2) ranges.push([port, port]);
    if (!intervals) this.#areWhole.add(side);
  }

  #other(expression: Expression): void {
    switch (expression.kind) {
      case 'match':
        this.#match(expression.name, expression.info, expression.revision);
        break;
      case 'target':
        if (expression.name === 'MARK') this.#marks(~hostU32(padded(expression.info, 8), 4) >>> 0);
        else if (expression.name === 'CONNMARK') {
          const info = padded(expression.info, 16);
          this.#ctMarks(0xffff_ffff);
          this.#marks(info[12] === 0 && expression.revision < 2 ? 0 : 0xffff_ffff);
        } else if (expression.name === 'NETMAP') this.#whole('src', 'dst');
        break;
      case 'nat':
        if ((expression.flags & NAT_FLAG.NETMAP) !== 0) this.#whole(expression.isSource ? 'src' : 'dst');
        break;
    }
  }

  #match(name: string, bytes: Uint8Array, revision: number): void {
    const info = padded(bytes, 168);
    const pairs = (at: number): Interval[] => [[networkPort(hostU16(info, at)), networkPort(hostU16(info, at + 2))]];
    switch (name) {
      case 'state':
        this.field('state');
        break;
      case 'conntrack': {
        this.field('state', 'direction');
        const match = hostU16(info, 146);
        if (match & 0x2) this.field('proto');
        if (match & 0x30c) this.#ends('original');
        if (match & 0xc30) this.#ends('reply');
        this.field('status');
        break;
      }
      case 'mark':
        this.#marks(hostU32(info, 4));
        break;
      case 'connmark':
        this.#ctMarks(hostU32(info, 4));
        break;
      case 'tcp':
        this.field('proto', 'tcpFlags');
        this.#port('sport', pairs(0));
        this.#port('dport', pairs(4));
        break;
      case 'udp':
        this.field('proto');
        this.#port('sport', pairs(0));
        this.#port('dport', pairs(4));
        break;
      case 'multiport': {
        this.field('proto');
        const ports: Interval[] = Array.from({ length: Math.min(info[1]!, 15) }, (_, n) => {
          const port = networkPort(hostU16(info, 2 + 2 * n));
          return [port, port];
        });
        if (info[0] !== 1) this.#port('sport', ports);
        if (info[0] !== 0) this.#port('dport', ports);
        break;
      }
      case 'icmp':
      case 'icmp6':
        this.field('proto', 'icmp');
        break;
      case 'addrtype':
        if (hostU16(info, 0) !== 0) this.#addressType('src', revision > 0 && (hostU32(info, 4) & 0xc) !== 0);
        if (hostU16(info, 2) !== 0) this.#addressType('dst', revision > 0 && (hostU32(info, 4) & 0xc) !== 0);
        break;
      case 'iprange': {
        for (const size of [4, 16] as const) {
          if (info[64]! & 1) this.#address('src', size, size, undefined, [[info.slice(0, size), info.slice(16, 16 + size)]]);
          if (info[64]! & 2) this.#address('dst', size, size, undefined, [[info.slice(32, 32 + size), info.slice(48, 48 + size)]]);
        }
        break;
      }
      case 'pkttype':
        this.#addressType('dst', true);
        break;
      case 'helper':
        this.field('helper', 'state');
        break;
      case 'owner':
        this.field('in');
        break;
    }
  }
}

const SPECIAL: RoutePrefix[] = [
  { bytes: Uint8Array.of(0, 0, 0, 0), bits: 8 },
  { bytes: Uint8Array.of(255, 255, 255, 255), bits: 32 },
  { bytes: Uint8Array.of(224, 0, 0, 0), bits: 4 },
  { bytes: Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? 0xff : 0)), bits: 8 },
];

function intervalsOf(set: RuleSet, start: number, length: number): Interval[] {
  return Array.from({ length: set.count }, (_, at): Interval => [
    keyAt(set, at).subarray(start, start + length),
    endAt(set, at).subarray(start, start + length),
  ]);
}

/** How many bits a mask leaves from the first on; undefined where there are gaps. */
function prefixBits(mask: Uint8Array): number | undefined {
  const text = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const bits = text.indexOf('0');
  if (bits < 0) return text.length;
  return text.includes('1', bits) ? undefined : bits;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function portOf(bytes: Uint8Array): number {
  return (bytes[0]! << 8) | (bytes[1] ?? 0);
}

function networkPort(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port);
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(Math.max(length, bytes.length));
  whole.set(bytes);
  return whole;
}
