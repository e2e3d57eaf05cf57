import { parsePrefix } from '../../proto/model/address.ts';
import type { NumberRange } from '../../proto/model/block/packets.ts';
import { order } from '../firewall/rules/bits.ts';
import { hostBytes, type WrittenExpression } from '../firewall/rules/encode-expression.ts';
import { BITWISE, CMP, CT, META, OBJECT, PAYLOAD } from '../firewall/rules/nf-tables.ts';
import { FAMILY, VERDICT } from '../firewall/rules/ruleset.ts';
import { BEGINNING_FLAGS, CONFIRMED, DIRECTIONS, EXPECTED, STATE_BITS, SYN } from './nft-json.ts';
import type { Act, TableRule, Test } from './policy-table.ts';

/** What the values of a set are, which says how nft lists them. */
export type KeyKind = 'ipv4' | 'ipv6' | 'port' | 'interface';

/** From the first to the last value, both included. */
export interface Interval {
  low: Uint8Array;
  high: Uint8Array;
}

/** A set that one rule looks up, in ascending order and without neighbours that are one interval. */
export interface ValueSet {
  name: string;
  kind: KeyKind;
  intervals: Interval[];
}

/** What the kernel runs for a rule. */
export interface RuleProgram {
  expressions: WrittenExpression[];
  sets: ValueSet[];
}

const TCP = 6;
/** Bytes of the name of an interface. */
const NAME_BYTES = 16;
const FIELDS = {
  4: { src: { offset: 12, ct: CT.SRC_IP }, dst: { offset: 16, ct: CT.DST_IP }, bytes: 4, kind: 'ipv4' },
  6: { src: { offset: 8, ct: CT.SRC_IP6 }, dst: { offset: 24, ct: CT.DST_IP6 }, bytes: 16, kind: 'ipv6' },
} as const;
const PORTS = { sport: { offset: 0, ct: CT.PROTO_SRC }, dport: { offset: 2, ct: CT.PROTO_DST } } as const;
const TCP_FLAGS = { offset: 13, bytes: 1 };
const [ORIGINAL] = [DIRECTIONS.indexOf('original')];

/**
 * The program of a rule. All of it works in one register, and a comparison of a header is preceded by one of what has that header, as nft
 * writes it, so that nft lists the rule as it would list its own.
 */
export function programOf({ tests, acts }: Pick<TableRule, 'tests' | 'acts'>): RuleProgram {
  const maker = new ProgramMaker();
  for (const test of tests) maker.test(test);
  for (const act of acts) maker.act(act);
  return maker.program;
}

class ProgramMaker {
  readonly program: RuleProgram = { expressions: [], sets: [] };
  #family: 4 | 6 | undefined;
  #proto: number | undefined;

  test(test: Test): void {
    switch (test.on) {
      case 'state':
        this.#anyBit(CT.STATE, STATE_BITS[test.state]);
        break;
      case 'expected':
        this.#anyBit(CT.STATUS, EXPECTED);
        break;
      case 'unconfirmed':
        this.#ct(CT.STATUS);
        this.#masked(hostBytes(CONFIRMED));
        this.#compare(CMP.EQ, hostBytes(0));
        break;
      case 'direction':
        this.#ct(CT.DIRECTION);
        this.#compare(CMP.EQ, Uint8Array.of(DIRECTIONS.indexOf(test.direction)));
        break;
      case 'iif':
      case 'oif':
        this.#meta(test.on === 'iif' ? META.IIFNAME : META.OIFNAME);
        this.#interfaces(test.names);
        break;
      case 'src':
      case 'dst':
        this.#addresses(test);
        break;
      case 'proto':
        this.#of(test.proto);
        break;
      case 'sport':
      case 'dport':
        if (test.of === 'packet') this.#payload(PAYLOAD.TRANSPORT, PORTS[test.on].offset, 2);
        else this.#ct(PORTS[test.on].ct, ORIGINAL);
        this.#among('port', test.ranges.map(toInterval));
        break;
      case 'zone':
        this.#ct(CT.ZONE);
        // A number of 16 bits in the host's order.
        this.#compare(CMP.EQ, new Uint8Array(Uint16Array.of(test.zone).buffer));
        break;
      case 'mark':
        this.#meta(META.MARK);
        if (test.mask !== 0xffffffff) this.#masked(hostBytes(test.mask));
        this.#compare(CMP.EQ, hostBytes(test.value));
        break;
      case 'midstream':
        this.#of(TCP);
        this.#payload(PAYLOAD.TRANSPORT, TCP_FLAGS.offset, TCP_FLAGS.bytes);
        this.#masked(Uint8Array.of(BEGINNING_FLAGS));
        this.#compare(CMP.NEQ, Uint8Array.of(SYN));
    }
  }

  act(act: Act): void {
    switch (act.do) {
      case 'accept':
      case 'drop':
      case 'return':
        this.#add({ kind: 'immediate', to: VERDICT, data: { verdict: { kind: act.do } } });
        break;
      case 'goto':
      case 'jump':
        this.#add({ kind: 'immediate', to: VERDICT, data: { verdict: { kind: act.do, chain: act.chain } } });
        break;
      case 'notrack':
        this.#add({ kind: 'notrack' });
        break;
      case 'reset':
        this.#of(TCP);
        this.#add({ kind: 'reject', isReset: true });
        break;
      case 'timeout':
      case 'helper':
        this.#add({ kind: 'object', object: act.do === 'timeout' ? OBJECT.TIMEOUT : OBJECT.HELPER, name: act.name });
        break;
      case 'limit': {
        const { [act.by]: field, bytes } = FIELDS[act.family];
        this.#withFamily(act.family);
        this.#payload(PAYLOAD.NETWORK, field.offset, bytes);
        const limit = { kind: 'chance' as const, name: 'connlimit', limit: { count: act.over, isOver: true } };
        this.#add({ kind: 'dynset', set: act.set, from: 0, conditions: [limit], isInverted: false });
      }
    }
  }

  #addresses({ on, of, family, prefixes }: Extract<Test, { on: 'src' | 'dst' }>): void {
    const { [on]: field, bytes, kind } = FIELDS[family];
    const [{ address, bits } = { address: new Uint8Array(bytes), bits: 0 }, ...more] = prefixes.map((prefix) => parsePrefix(prefix)!);
    const isSet = more.length > 0;
    if (of === 'packet') this.#withFamily(family);
    // Of a prefix of whole bytes only these are loaded.
    const loaded = !isSet && of === 'packet' && bits > 0 && bits % 8 === 0 ? bits / 8 : bytes;
    if (of === 'packet') this.#payload(PAYLOAD.NETWORK, field.offset, loaded);
    else this.#ct(field.ct, ORIGINAL);
    if (isSet) return this.#among(kind, prefixes.map(prefixInterval));
    if (bits < loaded * 8) this.#masked(maskOf(bits, bytes));
    this.#compare(CMP.EQ, address.subarray(0, loaded));
  }

  #interfaces(names: readonly string[]): void {
    const [name = '', ...more] = names;
    if (more.length > 0) this.#among('interface', names.map(nameInterval));
    else this.#compare(CMP.EQ, name.endsWith('*') ? Buffer.from(name.slice(0, -1)) : nameInterval(name).low);
  }

  /** Equal to one value, between two, or in a set. */
  #among(kind: KeyKind, values: readonly Interval[]): void {
    const intervals = joined(values);
    const [{ low, high } = { low: new Uint8Array(0), high: new Uint8Array(0) }, ...more] = intervals;
    if (more.length > 0) {
      const name = `values ${this.program.sets.length}`;
      this.program.sets.push({ name, kind, intervals });
      this.#add({ kind: 'lookup', set: name, from: 0, isInverted: false });
    } else if (order(low, high) === 0) this.#compare(CMP.EQ, low);
    else {
      this.#compare(CMP.GTE, low);
      this.#compare(CMP.LTE, high);
    }
  }

  #anyBit(key: number, bits: number): void {
    this.#ct(key);
    this.#masked(hostBytes(bits));
    this.#compare(CMP.NEQ, hostBytes(0));
  }

  #withFamily(family: 4 | 6): void {
    if (this.#family === family) return;
    this.#family = family;
    this.#meta(META.NFPROTO);
    this.#compare(CMP.EQ, Uint8Array.of(family === 4 ? FAMILY.ip : FAMILY.ip6));
  }

  #of(proto: number): void {
    if (this.#proto === proto) return;
    this.#proto = proto;
    this.#meta(META.L4PROTO);
    this.#compare(CMP.EQ, Uint8Array.of(proto));
  }

  #payload(base: number, offset: number, length: number): void {
    this.#add({ kind: 'payload', to: 0, base, offset, length });
  }

  #meta(key: number): void {
    this.#add({ kind: 'meta', to: 0, key });
  }

  #ct(key: number, direction?: number): void {
    this.#add({ kind: 'ct', to: 0, key, ...(direction !== undefined && { direction }) });
  }

  #masked(mask: Uint8Array): void {
    this.#add({ kind: 'bitwise', from: 0, to: 0, length: mask.length, op: BITWISE.MASK_XOR, mask, xor: new Uint8Array(mask.length) });
  }

  #compare(op: number, value: Uint8Array): void {
    this.#add({ kind: 'cmp', from: 0, op, value });
  }

  #add(expression: WrittenExpression): void {
    this.program.expressions.push(expression);
  }
}

function toInterval({ from, to }: NumberRange): Interval {
  return { low: Uint8Array.of(from >> 8, from & 0xff), high: Uint8Array.of(to >> 8, to & 0xff) };
}

function prefixInterval(prefix: string): Interval {
  const { address, bits } = parsePrefix(prefix)!;
  const mask = maskOf(bits, address.length);
  return { low: address, high: address.map((byte, at) => byte | (~mask[at]! & 0xff)) };
}

/** A name, or with a star at its end all names that begin so. */
function nameInterval(name: string): Interval {
  const beginning = Buffer.from(name.endsWith('*') ? name.slice(0, -1) : name);
  const padded = (byte: number): Uint8Array => {
    const bytes = new Uint8Array(NAME_BYTES).fill(byte);
    bytes.set(beginning);
    return bytes;
  };
  return { low: padded(0), high: name.endsWith('*') ? padded(0xff) : padded(0) };
}

function maskOf(bits: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => 0xff & (0xff00 >> Math.min(8, Math.max(0, bits - at * 8))));
}

/** In ascending order; what overlaps or follows without a gap is one. */
function joined(values: readonly Interval[]): Interval[] {
  const intervals: Interval[] = [];
  for (const { low, high } of values.toSorted((a, b) => order(a.low, b.low))) {
    const last = intervals.at(-1);
    const next = last && following(last.high);
    if (!last || (next && order(low, next) > 0)) intervals.push({ low, high });
    else if (order(high, last.high) > 0) last.high = high;
  }
  return intervals;
}

/** The value behind this one; undefined for the highest of all. */
export function following(value: Uint8Array): Uint8Array | undefined {
  const next = value.slice();
  for (let at = next.length - 1; at >= 0; at--) {
    next[at] = next[at]! + 1;
    if (next[at] !== 0) return next;
  }
  return undefined;
}
