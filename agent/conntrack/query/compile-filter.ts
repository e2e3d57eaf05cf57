import { FleetError } from '../../../proto/model/error-codes.ts';
import { globExpression } from '../../../proto/model/filter/evaluate.ts';
import type { FlowFilter, Match, Term } from '../../../proto/model/filter/filter.ts';
import { prefixContains, type Prefix } from '../../../proto/model/address.ts';
import { hasIcmp, hasKeys, hasPorts } from '../../../proto/model/protocol.ts';
import { SERVICES } from '../../../proto/model/services.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import { IPS, statusTest } from '../../../proto/model/status.ts';
import { hasLabel, LABEL_BITS, labelText } from '../proc/labels.ts';
import { assertTellable, UNKNOWN_WAN, type WanNames } from '../rows/wan-names.ts';
import type { Addresses6 } from '../rows/addresses6.ts';
import { NO_TIMEOUT, origShape, replyShape, SHAPE, type Columns } from '../rows/columns.ts';
import { idleOfRows, type RowIdle } from '../idle/idle-rows.ts';
import { STALENESS } from '../stale/stale.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { stateText } from '../wire/states.ts';

/** Whether a row of the columns it was compiled for matches. */
export type Predicate = (row: number) => boolean;
/** A number of a row; undefined if unknown. */
type RowNumber = (row: number) => number | undefined;

/**
 * Compiles a filter for one complete set of columns, with the semantics of evaluateFilter in proto/model/filter: an unknown value matches
 * neither a term nor its negation, so the filter is compiled for `certainly true`, and under each `not` for `certainly false`. Throws
 * FILTER_UNSUPPORTED for a term that cannot be evaluated here; no term is ever ignored.
 */
export function compileFilter(filter: FlowFilter, columns: Columns, surroundings: Surroundings): Predicate {
  assertTellable(filter, surroundings.wans);
  return compile(filter, true, columns, surroundings);
}

/** Packets or bytes of both directions; undefined if the kernel keeps no counters. */
export function totalOf({ rare }: Columns, what: 'packets' | 'bytes'): RowNumber {
  const [orig, reply] = what === 'packets' ? [rare.origPackets, rare.replyPackets] : [rare.origBytes, rare.replyBytes];
  return orig && reply ? (row) => orAbsent(orig[row]! + reply[row]!) : () => undefined;
}

/** NaN stands for absent in the columns of fractions. */
export function orAbsent(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}

function compile(filter: FlowFilter, wanted: boolean, columns: Columns, surroundings: Surroundings): Predicate {
  switch (filter.kind) {
    case 'everything':
      return () => wanted;
    case 'not':
      return compile(filter.operand, !wanted, columns, surroundings);
    case 'and':
    case 'or': {
      const operands = filter.operands.map((operand) => compile(operand, wanted, columns, surroundings));
      return (filter.kind === 'and') === wanted
        ? (row) => operands.every((operand) => operand(row))
        : (row) => operands.some((operand) => operand(row));
    }
    case 'term':
      return compileTerm(filter, wanted, columns, surroundings);
  }
}

function compileTerm({ field, match }: Term, wanted: boolean, columns: Columns, surroundings: Surroundings): Predicate {
  const { nowMs, labels, wans } = surroundings;
  const { common, rare } = columns;
  const { status, mark, proto, family, id, startedAtMs, timeout } = common;
  /** For what every entry reports. */
  const told = (test: Predicate): Predicate => (wanted ? test : (row) => !test(row));
  /** For a number that may be unknown; then neither the term nor its negation matches. */
  const number = (value: RowNumber): Predicate => {
    const isBetween = compileRange(match);
    return (row) => {
      const known = value(row);
      return known !== undefined && isBetween(known) === wanted;
    };
  };
  const isAt = (...ends: End[]): Predicate => compileEnds(match, wanted, columns, ends);
  const isPart = (part: Part, ...places: Layer4[]): Predicate =>
    compileParts({ part, isBetween: compileRange(match), wanted, columns, places });
  switch (field) {
    case 'ip':
    case 'host':
      return isAt('origSrc', 'origDst', 'replySrc', 'replyDst');
    case 'src':
      return isAt('origSrc');
    case 'dst':
      return isAt('origDst');
    case 'rsrc':
      return isAt('replySrc');
    case 'rdst':
      return isAt('replyDst');
    case 'nat': {
      const [snat, dnat] = [isAt('replyDst'), isAt('replySrc')];
      if (wanted) return (row) => ((status[row]! & IPS.SRC_NAT) !== 0 && snat(row)) || ((status[row]! & IPS.DST_NAT) !== 0 && dnat(row));
      return (row) => ((status[row]! & IPS.SRC_NAT) === 0 || snat(row)) && ((status[row]! & IPS.DST_NAT) === 0 || dnat(row));
    }
    case 'port':
      return isPart(PARTS.port, ...LAYER4);
    case 'sport':
    case 'dport':
    case 'rsport':
    case 'rdport':
      return isPart(PARTS.port, field);
    case 'icmp-type':
      return isPart(PARTS.icmpType, 'dport');
    case 'icmp-code':
      return isPart(PARTS.icmpCode, 'dport');
    case 'icmp-id':
      return isPart(PARTS.icmpId, 'sport');
    case 'key':
      return isPart(PARTS.key, ...LAYER4);
    case 'srckey':
      return isPart(PARTS.key, 'sport');
    case 'dstkey':
      return isPart(PARTS.key, 'dport');
    case 'rsrckey':
      return isPart(PARTS.key, 'rsport');
    case 'rdstkey':
      return isPart(PARTS.key, 'rdport');
    case 'proto':
      return told(compileColumn(match, proto));
    case 'family':
      return told(compileColumn(match, family));
    case 'id':
      return told(compileColumn(match, id));
    case 'zone': {
      const isZone = compileRange(match);
      const { origZone, replyZone } = rare;
      const isOwn = (column: Float64Array | undefined, row: number): boolean => column !== undefined && isZone(column[row]!);
      return told((row) => isZone(common.zone[row]!) || isOwn(origZone, row) || isOwn(replyZone, row));
    }
    case 'state':
      return told(compileState(patternOf(match), columns));
    case 'status': {
      const test = statusTest(patternOf(match));
      if (!test) throw new FleetError('FILTER_UNSUPPORTED', `status:${patternOf(match)} is not a status word.`, { field });
      return told('any' in test ? (row) => (status[row]! & test.any) !== 0 : (row) => (status[row]! & test.mask) === test.value);
    }
    case 'app':
      return told(compileService(patternOf(match), columns));
    case 'mark': {
      if (match.kind !== 'mask') return mismatch(match);
      const { value, mask } = match;
      return told((row) => (mark[row]! & mask) >>> 0 === value);
    }
    case 'orig-zone':
      return told(compileZone(match, rare.origZone));
    case 'reply-zone':
      return told(compileZone(match, rare.replyZone));
    case 'label': {
      if (match.kind === 'none')
        return told(
          compileAbsent(
            rare.labels,
            columns.labelSets.map((set) => set.every((byte) => byte === 0)),
          ),
        );
      const glob = globExpression(patternOf(match));
      const bits = Array.from({ length: LABEL_BITS }, (_, bit) => bit).filter((bit) => glob.test(labelText(bit, labels)));
      return told(
        compileIndex(
          rare.labels,
          columns.labelSets.map((set) => bits.some((bit) => hasLabel(set, 0, set.length, bit))),
        ),
      );
    }
    case 'helper': {
      if (match.kind === 'none') return told(compileAbsent(rare.helper));
      const glob = globExpression(patternOf(match));
      return told(
        compileIndex(
          rare.helper,
          columns.helpers.map((name) => glob.test(name)),
        ),
      );
    }
    case 'wan': {
      const numbers = wans.ofRows(columns);
      const fits = fitsWan(match, numbers, wans);
      return (row) => numbers[row] !== UNKNOWN_WAN && fits(row) === wanted;
    }
    case 'next-wan': {
      const { nextWan } = rare;
      if (!nextWan) return () => false;
      const fits = fitsWan(match, nextWan, wans);
      return (row) => nextWan[row] !== UNKNOWN_WAN && fits(row) === wanted;
    }
    case 'age':
      return number((row) => (Number.isNaN(startedAtMs[row]!) ? undefined : Math.floor((nowMs - startedAtMs[row]!) / 1000)));
    case 'idle':
      return compileIdle(match, wanted, idleOfRows(columns, surroundings));
    case 'timeout':
      return number((row) => (timeout[row] === NO_TIMEOUT ? undefined : timeout[row]));
    case 'bytes':
    case 'packets':
      return number(totalOf(columns, field));
    case 'rate':
      return number((row) => (rare.rate ? orAbsent(rare.rate[row]!) : undefined));
    case 'stale': {
      const word = patternOf(match);
      const fits = STALENESS.map((staleness) => (word === 'yes' ? staleness !== 'no' : staleness === word));
      const { stale } = rare;
      return (row) => stale !== undefined && !Number.isNaN(stale[row]!) && fits[stale[row]!] === wanted;
    }
    case 'tenant':
    case 'site':
    case 'gateway':
    case 'tag':
      throw new FleetError('FILTER_UNSUPPORTED', `${field}: is resolved by the controller and has no meaning on a gateway.`, { field });
  }
}

function fitsWan(match: Match, numbers: Int16Array | Float64Array, { names }: WanNames): (row: number) => boolean {
  return match.kind === 'none'
    ? compileAbsent(numbers)
    : compileIndex(
        numbers,
        names.map((name) => globExpression(patternOf(match)).test(name)),
      );
}

/** Certain only if all possible values lie in the range, or all outside. */
function compileIdle(match: Match, wanted: boolean, idle: RowIdle): Predicate {
  if (match.kind !== 'range') return mismatch(match);
  const [from, to] = [match.from ?? -Infinity, match.to ?? Infinity];
  return (row) => {
    const { atLeast, atMost } = idle(row);
    if (atLeast === 0 && atMost === Infinity) return false;
    return wanted ? atLeast >= from && atMost <= to : atMost < from || atLeast > to;
  };
}

/** Operators' words beside the kernel's names; see evaluateFilter. Each state is compared once, not for each row. */
function compileState(word: string, { common: { status, state } }: Columns): Predicate {
  const named = (isNamed: (name: string) => boolean): Predicate => {
    const verdicts = new Map<number, boolean>();
    return (row) => {
      let verdict = verdicts.get(state[row]!);
      if (verdict === undefined) verdicts.set(state[row]!, (verdict = state[row] !== 0 && isNamed(stateText(state[row]!)!)));
      return verdict;
    };
  };
  switch (word) {
    case 'new':
      return (row) => !(status[row]! & IPS.SEEN_REPLY);
    case 'related':
      return (row) => (status[row]! & IPS.EXPECTED) !== 0;
    case 'expired':
      return () => false;
    case 'established': {
      const isEstablished = named((name) => name === 'ESTABLISHED');
      return (row) => (state[row] === 0 ? (status[row]! & IPS.SEEN_REPLY) !== 0 : isEstablished(row));
    }
    default: {
      const glob = globExpression(word.replaceAll('-', '_'));
      return named((name) => glob.test(name));
    }
  }
}

function compileService(name: string, columns: Columns): Predicate {
  const rules = SERVICES[name];
  if (!rules) throw new FleetError('FILTER_UNSUPPORTED', `app:${name} is not a known service.`, { field: 'app' });
  const { proto, shape, dport } = columns.common;
  return (row) => {
    const port = origShape(shape[row]!) === SHAPE.ports ? dport[row]! : -1;
    return rules.some((rule) => rule.proto === proto[row] && (!rule.ports || rule.ports.some(([from, to]) => port >= from && port <= to)));
  };
}

/** For a column of indexes into a list, with a verdict for each element; -1 and NaN match nothing. */
function compileIndex(column: Float64Array | Int16Array | undefined, fits: boolean[]): Predicate {
  if (!column || !fits.includes(true)) return () => false;
  return (row) => column[row]! >= 0 && fits[column[row]!]!;
}

/** Matches if the column has no value, or the index of an empty element. */
function compileAbsent(column: Float64Array | Int16Array | undefined, isEmpty: boolean[] = []): Predicate {
  return column ? (row) => !(column[row]! >= 0) || isEmpty[column[row]!] === true : () => true;
}

function compileZone(match: Match, column: Float64Array | undefined): Predicate {
  if (match.kind === 'none') return compileAbsent(column);
  const isZone = compileRange(match);
  return (row) => column !== undefined && isZone(column[row]!);
}

const LAYER4 = ['sport', 'dport', 'rsport', 'rdport'] as const;
type Layer4 = (typeof LAYER4)[number];
/** The ends of both tuples, each with its port. */
const PORT_OF = { origSrc: 'sport', origDst: 'dport', replySrc: 'rsport', replyDst: 'rdport' } as const;
type End = keyof typeof PORT_OF;

/** What the port columns hold: in rows of which shape, how it is read, and which protocols have it. */
interface Part {
  shape: number;
  valueOf: (cell: number) => number;
  isExpected: Uint8Array;
}
const itself = (cell: number): number => cell;
const PARTS = {
  port: { shape: SHAPE.ports, valueOf: itself, isExpected: protocolsThat(hasPorts) },
  key: { shape: SHAPE.keys, valueOf: itself, isExpected: protocolsThat(hasKeys) },
  icmpId: { shape: SHAPE.icmp, valueOf: itself, isExpected: protocolsThat(hasIcmp) },
  icmpType: { shape: SHAPE.icmp, valueOf: (cell) => cell >> 8, isExpected: protocolsThat(hasIcmp) },
  icmpCode: { shape: SHAPE.icmp, valueOf: (cell) => cell & 0xff, isExpected: protocolsThat(hasIcmp) },
} satisfies Record<string, Part>;

function protocolsThat(have: (proto: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, proto) => Number(have(proto)));
}

interface PartTest {
  part: Part;
  isBetween: (value: number) => boolean;
  wanted: boolean;
  columns: Columns;
  places: readonly Layer4[];
}

/** True if one of these places matches, or certainly none does: a protocol that should have the value but lacks it is neither. */
function compileParts({ part, isBetween, wanted, columns: { common }, places }: PartTest): Predicate {
  const { shape, proto } = common;
  const { valueOf, isExpected } = part;
  const tests = places.map((place): Predicate => {
    const column = common[place];
    const shapeOf = place === 'sport' || place === 'dport' ? origShape : replyShape;
    if (wanted) return (row) => shapeOf(shape[row]!) === part.shape && isBetween(valueOf(column[row]!));
    return (row) => (shapeOf(shape[row]!) === part.shape ? !isBetween(valueOf(column[row]!)) : isExpected[proto[row]!] === 0);
  });
  const [one] = tests;
  if (tests.length === 1) return one!;
  return wanted ? (row) => tests.some((test) => test(row)) : (row) => tests.every((test) => test(row));
}

/** True if one of these ends lies in the prefix, for an endpoint with its own port in the range; or if certainly none does. */
function compileEnds(match: Match, wanted: boolean, columns: Columns, ends: readonly End[]): Predicate {
  const { common, addresses6 } = columns;
  const { family } = common;
  const prefix: Prefix = match.kind === 'prefix' || match.kind === 'endpoint' ? match.prefix : mismatch(match);
  const contains = prefix.family === 4 ? compilePrefix4(prefix) : compilePrefix6(prefix, addresses6);
  if (match.kind === 'endpoint') {
    const isBetween = compileRange({ kind: 'range', from: match.from, to: match.to });
    const tests = ends.map((end) => ({
      address: common[end],
      isPort: compileParts({ part: PARTS.port, isBetween, wanted, columns, places: [PORT_OF[end]] }),
    }));
    return (row) => {
      if (family[row] !== prefix.family) return !wanted;
      for (const { address, isPort } of tests) if (contains(address[row]!) && isPort(row) === wanted) return wanted;
      return !wanted;
    };
  }
  const sides = ends.map((end) => common[end]);
  const [one] = sides;
  if (sides.length === 1) return (row) => (family[row] === prefix.family && contains(one![row]!)) === wanted;
  return (row) => (family[row] === prefix.family && sides.some((side) => contains(side[row]!))) === wanted;
}

function compilePrefix4({ address, bits }: Prefix): (address: number) => boolean {
  // A shift by 32 is a shift by 0 in JavaScript, hence the special case.
  const mask = bits === 0 ? 0 : 0xffffffff << (32 - bits);
  const network = networkU32(address, 0) & mask;
  return (value) => (value & mask) === network;
}

/** Compares each address once, however many rows have it. */
function compilePrefix6(prefix: Prefix, addresses: Addresses6): (index: number) => boolean {
  const verdicts = new Uint8Array(addresses.count);
  for (let index = 0; index < verdicts.length; index++) verdicts[index] = prefixContains(prefix, addresses.bytesOf(index)) ? 1 : 0;
  return (index) => verdicts[index] === 1;
}

function compileColumn(match: Match, column: ArrayLike<number>): Predicate {
  const isBetween = compileRange(match);
  return (row) => isBetween(column[row]!);
}

function compileRange(match: Match): (value: number) => boolean {
  if (match.kind !== 'range') return mismatch(match);
  const from = match.from ?? -Infinity;
  const to = match.to ?? Infinity;
  return (value) => value >= from && value <= to;
}

function patternOf(match: Match): string {
  return match.kind === 'glob' ? match.pattern : mismatch(match);
}

function mismatch(match: Match): never {
  throw new FleetError('FILTER_UNSUPPORTED', `This field is not compared by ${match.kind}.`);
}
