import { formatPrefix, parsePrefix } from '../address.ts';
import { formatDuration, parseDuration } from '../duration.ts';
import { formatMark, parseMark } from '../mark.ts';
import { nearest } from '../nearest.ts';
import { portNamed, portNumber, transportNumber } from '../ports.ts';
import { protocolName, protocolNumber } from '../protocol.ts';
import { SERVICES } from '../services.ts';
import { DCCP_STATES, SCTP_STATES, STATE_ALIASES, TCP_STATES } from '../states.ts';
import { STATUS_WORDS } from '../status.ts';
import { formatEndpointAddress, parseAddresses, splitEndpoint } from './addresses.ts';
import { fieldNamed, type Field, type ValueKind } from './fields.ts';
import { allOf, anyOf, type FieldName, type FlowFilter, type Match } from './filter.ts';

/**
 * What is wrong with one value, and the `suggestion` to replace it, or `instead` to replace field and value together. Neither is given if
 * it could mean something that was not meant.
 */
export interface ValueProblem {
  message: string;
  suggestion?: string;
  instead?: string;
}

const SIZES: Record<string, number> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3, ti: 1024 ** 4 };
const LARGEST: Partial<Record<ValueKind, number>> = { port: 65_535, key: 65_535, octet: 255 };

/** Parses one value of a field, such as `5060-5061` or `0x100/0xff00`. In quotation marks a name or word is taken literally. */
export function parseValue(field: Field, text: string, isQuoted = false): FlowFilter | ValueProblem {
  if (field.canBeNone && !isQuoted && /^none$/i.test(text)) return term(field.name, { kind: 'none' });
  switch (field.kind) {
    case 'prefix':
    case 'address':
      return parsePlace(field, text);
    case 'protocol': {
      const proto = protocolNumber(text);
      return proto === undefined
        ? { message: `“${text}” is not a protocol; give a name or a number from 0 to 255`, ...meantByProtocol(text, field) }
        : term(field.name, { kind: 'range', from: proto, to: proto });
    }
    case 'family': {
      const family = /^(?:ipv?|v)?([46])$/i.exec(text)?.[1];
      return family
        ? term(field.name, { kind: 'range', from: Number(family), to: Number(family) })
        : { message: `“${text}” is not ipv4 or ipv6` };
    }
    case 'mark': {
      const mark = parseMark(text);
      return mark ? term(field.name, { kind: 'mask', ...mark }) : { message: `“${text}” is not a mark such as 0x100 or 0x100/0xff00` };
    }
    case 'name':
      return term(field.name, { kind: 'glob', pattern: text.toLowerCase() });
    case 'word':
      return parseWord(field, text, isQuoted);
    case 'port': {
      const [, port = text, transport = ''] = /^(.+)\/([a-z]+)$/i.exec(text) ?? [];
      const proto = transportNumber(transport);
      const range = parseRange(field, proto === undefined ? text : port);
      if ('message' in range || proto === undefined) return 'message' in range ? range : term(field.name, range);
      return allOf([term('proto', { kind: 'range', from: proto, to: proto }), term(field.name, range)]);
    }
    case 'number':
    case 'octet':
    case 'key':
    case 'duration':
    case 'size':
    case 'bits': {
      const range = parseRange(field, text);
      return 'message' in range ? range : term(field.name, range);
    }
  }
}

export function term(field: FieldName, match: Match): FlowFilter {
  return { kind: 'term', field, match };
}

/** An address in any spelling, or an endpoint with it. */
function parsePlace(field: Field, text: string): FlowFilter | ValueProblem {
  const whole = parseAddresses(text);
  const endpoint = whole ? undefined : splitEndpoint(text);
  const prefixes = whole ?? (endpoint && parseAddresses(endpoint.address));
  if (!prefixes) {
    const [, address, port] = /^(\d{1,3}(?:\.\d{1,3}){3})\.(\d{1,5})$/.exec(text) ?? [];
    const isDotted = address !== undefined && parsePrefix(address) !== undefined && portNumber(port!) !== undefined;
    return {
      message: `“${text}” is not an address, or a prefix such as 10.0.0.0/8`,
      suggestion: isDotted ? `${address}:${port}` : undefined,
    };
  }
  if (field.kind === 'address' && prefixes.some(({ address, bits }) => bits < address.length * 8)) {
    return { message: `“${text}” is not one host’s address`, instead: `ip:${text}` };
  }
  if (!endpoint) return anyOf(prefixes.map((prefix) => term(field.name, { kind: 'prefix', prefix })));
  const range = parseRange(fieldNamed('port')!, endpoint.port);
  if ('message' in range) return range;
  const { from = 0, to = LARGEST.port! } = range;
  return anyOf(prefixes.map((prefix) => term(field.name, { kind: 'endpoint', prefix, from, to })));
}

/** For a name that is not a protocol's, but that of something that runs over one. */
function meantByProtocol(text: string, field: Field): Pick<ValueProblem, 'suggestion' | 'instead'> {
  const word = text.toLowerCase();
  if (word === 'l2tp') return {};
  return Object.hasOwn(SERVICES, word) ? { instead: `app:${word}` } : (meantByPort(word) ?? { suggestion: nearest(word, field.words) });
}

/** The protocols and the port that a port name stands for. */
function meantByPort(text: string): { instead: string } | undefined {
  const named = portNamed(text);
  return named && { instead: `(proto:${named.protocols.join(',')} dport:${named.port})` };
}

/** States of protocols other than TCP, and TCP's counterpart. */
const OTHER_STATES = new Map(
  [
    ...SCTP_STATES.map((state) => [wordOfState(state), 'SCTP'] as const),
    ...DCCP_STATES.map((state) => [wordOfState(state), 'DCCP'] as const),
  ].filter(([word]) => !TCP_STATES.map(wordOfState).includes(word)),
);
const TCP_WORDS: Record<string, string> = {
  closed: 'close',
  timewait: 'time-wait',
  open: 'established',
  request: 'syn-sent',
  respond: 'syn-recv',
};

function wordOfState(state: string): string {
  return state.toLowerCase().replaceAll('_', '-');
}

function parseWord(field: Field, text: string, isQuoted: boolean): FlowFilter | ValueProblem {
  const word = wordOfState(/^\[(.*)\]$/.exec(text)?.[1] ?? text);
  const protocol = field.name === 'state' && !isQuoted ? OTHER_STATES.get(word) : undefined;
  if (protocol !== undefined) {
    const tcp = TCP_WORDS[word];
    return {
      message: `“${word}” is a state of ${protocol} only${tcp === undefined ? '' : `; of TCP it is “${tcp}”`}. In quotation marks it is taken as ${protocol}’s`,
      suggestion: tcp ?? `"${word}"`,
    };
  }
  if (field.words.includes(word)) return term(field.name, { kind: 'glob', pattern: word });
  return { message: `“${text}” is not a word of ${field.name}:`, ...meantByWord(field, word) };
}

function meantByWord(field: Field, word: string): Pick<ValueProblem, 'suggestion' | 'instead'> {
  if (field.name === 'state' && STATUS_WORDS.includes(word)) return { instead: `status:${word}` };
  if (field.name === 'status' && isPlainState(word)) return { instead: `state:${word}` };
  if (field.name === 'stale' && word === 'no') return { instead: '-stale:yes' };
  if (field.name === 'app' && protocolNumber(word) !== undefined) return { instead: `proto:${word}` };
  const near = nearest(word, field.words);
  // It would be ambiguous whose word it is.
  const isOfOther = field.name === 'state' && near !== undefined && OTHER_STATES.has(near);
  return (field.name === 'app' ? meantByPort(word) : undefined) ?? { suggestion: isOfOther ? undefined : near };
}

/** True for a state written without quotation marks. */
export function isPlainState(word: string): boolean {
  return word !== 'none' && ([...STATE_ALIASES, ...TCP_STATES.map(wordOfState)] as string[]).includes(word);
}

/** Parses what follows `>`, `>=`, `<` or `<=`. Values are whole numbers, so `>5` begins at 6. */
export function parseComparison(field: Field, operator: string, text: string): Match | ValueProblem {
  const value = parseNumber(field, text);
  if (typeof value !== 'number') return value;
  switch (operator) {
    case '>':
      return { kind: 'range', from: value + 1 };
    case '>=':
      return { kind: 'range', from: value };
    case '<':
      return value === 0 ? { message: `nothing is less than 0` } : { kind: 'range', to: value - 1 };
    default:
      return { kind: 'range', to: value };
  }
}

/** The value in its shortest canonical spelling; undefined for an open range, which is written as a comparison. */
export function formatValue(field: Field, match: Match): string | undefined {
  switch (match.kind) {
    case 'prefix':
      return formatPrefix(match.prefix);
    case 'mask':
      return formatMark(match);
    case 'endpoint':
      return `${formatEndpointAddress(match.prefix)}:${match.from === match.to ? match.from : `${match.from}-${match.to}`}`;
    case 'none':
      return 'none';
    case 'glob':
      return spell(field, match.pattern);
    case 'range': {
      const { from, to } = match;
      if (from === undefined || to === undefined) return undefined;
      if (field.kind === 'protocol') return protocolName(from);
      if (field.kind === 'family') return `ipv${from}`;
      return from === to ? formatNumber(field, from) : `${formatNumber(field, from)}-${formatNumber(field, to)}`;
    }
  }
}

/** A number with the largest unit that divides it. */
export function formatNumber(field: Field, value: number): string {
  if (field.kind === 'duration') return formatDuration(value);
  for (const unit of field.kind === 'size' || field.kind === 'bits' ? ['t', 'g', 'm', 'k'] : []) {
    const size = SIZES[unit]!;
    if (value !== 0 && value % size === 0) return `${value / size}${unit === 'k' ? unit : unit.toUpperCase()}`;
  }
  return String(value);
}

/** A name or word of a field as it parses back: in quotation marks if it would mean something else without them. */
export function spell(field: Field, text: string): string {
  const isOther = field.canBeNone ? /^none$/i.test(text) : field.name === 'state' && OTHER_STATES.has(wordOfState(text));
  return isOther ? `"${text}"` : quoteWord(text);
}

/** Quotes a name that would not parse back as one word. */
export function quoteWord(text: string): string {
  return /^(?!.*(?:&&|\|\|))[^\s():,"<>=!-][^\s():,"<>=]*$/su.test(text) && !/^(or|and|not)$/i.test(text) ? text : `"${text}"`;
}

function parseRange(field: Field, text: string): Extract<Match, { kind: 'range' }> | ValueProblem {
  const parts = field.kind === 'port' ? (portNamed(text) ? [text] : text.split(/[-:]/)) : text.split('-');
  if (parts.length > 2) return { message: `“${text}” is not a range such as ${formatNumber(field, 1)}-${formatNumber(field, 10)}` };
  const from = parts[0] === '' ? undefined : parseNumber(field, parts[0]!);
  const to = parts.length === 1 ? from : parts[1] === '' ? undefined : parseNumber(field, parts[1]!);
  if (typeof from === 'object') return from;
  if (typeof to === 'object') return to;
  if (from === undefined && to === undefined) return { message: 'a range needs at least one end' };
  if (from !== undefined && to !== undefined && from > to)
    return { message: `${parts[0]} is more than ${parts[1]}`, suggestion: `${parts[1]}-${parts[0]}` };
  return { kind: 'range', from, to };
}

function parseNumber(field: Field, text: string): number | ValueProblem {
  switch (field.kind) {
    case 'duration':
      return parseSeconds(text);
    case 'size':
    case 'bits':
      return parseSize(field, text);
    case 'port':
      return portNumber(text) ?? { message: `“${text}” is not a port from 0 to 65535` };
    default: {
      const largest = LARGEST[field.kind] ?? 0xffffffff;
      if (/^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) && Number(text) <= largest) return Number(text);
      return { message: `“${text}” is not a number from 0 to ${largest}` };
    }
  }
}

function parseSeconds(text: string): number | ValueProblem {
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : parseDuration(text);
  return seconds ?? { message: `“${text}” is not a time such as 90s, 5m or 2h` };
}

/** Bytes, packets or bits a second. A field in bits does not accept bytes, and vice versa. */
function parseSize(field: Field, text: string): number | ValueProblem {
  const {
    count,
    unit = '',
    what = '',
  } = /^(?<count>\d{1,15}(?:\.\d+)?)(?<unit>[kmgt]i?)?(?<what>b|bytes?|bits?|[bB]ps|bits?\/s|[bB]\/s)?$/i.exec(text)?.groups ?? {};
  const value = count === undefined ? 0 : Math.round(Number(count) * (SIZES[unit.toLowerCase()] ?? 1));
  if (count !== undefined) {
    if (what === '') return value;
    if (field.name === 'bytes' && /^b(ytes?)?$/i.test(what) && !(what === 'b' && /^[KMGT]/.test(unit))) return value;
    if (field.kind === 'bits' && /^(b|bits?|bps|bits?\/s|b\/s)$/.test(what)) return value;
    if (field.kind === 'bits' && /^B(ytes?|ps|\/s)?$/.test(what)) {
      return { message: `${field.name} is in bits a second, and “${text}” in bytes`, suggestion: formatNumber(field, value * 8) };
    }
  }
  return { message: `“${text}” is not a number such as 1500, 10k or 1M` };
}
