import { formatPrefix, parseAddress, parsePrefix } from '../address.ts';
import { formatMark, parseMark } from '../mark.ts';
import { protocolName, protocolNumber } from '../protocol.ts';
import { nearest, type Field } from './fields.ts';
import type { Match } from './filter.ts';

/** What is wrong with one value, what to write in its place, or else which other field would take it. */
export interface ValueProblem { message: string; suggestion?: string; otherField?: string }

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const SIZES: Record<string, number> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3, ti: 1024 ** 4 };

/** Parses one value of a field, such as `5060-5061` or `0x100/0xff00`. */
export function parseValue(field: Field, text: string): Match | ValueProblem {
  switch (field.kind) {
    case 'prefix': {
      const prefix = parsePrefix(text);
      return prefix ? { kind: 'prefix', prefix } : { message: `“${text}” is not an address or a prefix such as 10.0.0.0/8` };
    }
    case 'address': {
      const prefix = parseAddress(text) && parsePrefix(text);
      return prefix ? { kind: 'prefix', prefix } : { message: `“${text}” is not one host’s address`, otherField: parsePrefix(text) && 'ip' };
    }
    case 'protocol': {
      const proto = protocolNumber(text);
      if (proto !== undefined) return { kind: 'range', from: proto, to: proto };
      return { message: `“${text}” is not a protocol; give a name or a number from 0 to 255`, suggestion: nearest(text, field.words) };
    }
    case 'family': {
      const family = /^(ipv?)?([46])$/i.exec(text)?.[2];
      return family ? { kind: 'range', from: Number(family), to: Number(family) } : { message: `“${text}” is not ipv4 or ipv6` };
    }
    case 'mark': {
      const mark = parseMark(text);
      return mark ? { kind: 'mask', ...mark } : { message: `“${text}” is not a mark such as 0x100 or 0x100/0xff00` };
    }
    case 'name': return { kind: 'glob', pattern: text.toLowerCase() };
    case 'word': {
      const word = text.toLowerCase().replaceAll('_', '-');
      if (field.words.includes(word)) return { kind: 'glob', pattern: word };
      return { message: `“${text}” is not a ${field.name}`, suggestion: nearest(word, field.words) };
    }
    case 'port':
    case 'number':
    case 'duration':
    case 'size':
    case 'bits': return parseRange(field, text);
  }
}

/** Parses what stands behind `>`, `>=`, `<` or `<=`. Values are whole numbers, so `>5` begins at 6. */
export function parseComparison(field: Field, operator: string, text: string): Match | ValueProblem {
  const value = parseNumber(field, text);
  if (typeof value !== 'number') return value;
  switch (operator) {
    case '>': return { kind: 'range', from: value + 1 };
    case '>=': return { kind: 'range', from: value };
    case '<': return value === 0 ? { message: `nothing is less than 0` } : { kind: 'range', to: value - 1 };
    default: return { kind: 'range', to: value };
  }
}

/** The value in its shortest canonical spelling; undefined for an open range, which is written as a comparison. */
export function formatValue(field: Field, match: Match): string | undefined {
  switch (match.kind) {
    case 'prefix': return formatPrefix(match.prefix);
    case 'mask': return formatMark(match);
    case 'glob': return quoteWord(match.pattern);
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
  const units = field.kind === 'duration' ? ['w', 'd', 'h', 'm', 's'] : field.kind === 'size' || field.kind === 'bits' ? ['t', 'g', 'm', 'k'] : [];
  for (const unit of units) {
    const size = field.kind === 'duration' ? SECONDS[unit]! : SIZES[unit]!;
    if (value !== 0 && value % size === 0) return `${value / size}${field.kind === 'duration' || unit === 'k' ? unit : unit.toUpperCase()}`;
  }
  return field.kind === 'duration' ? `${value}s` : String(value);
}

/** Quotes a name that would not read back as one word. */
export function quoteWord(text: string): string {
  return /^[^\s():,"<>=-][^\s():,"<>=]*$/u.test(text) && !/^(or|and|not)$/i.test(text) ? text : `"${text}"`;
}

function parseRange(field: Field, text: string): Match | ValueProblem {
  const parts = text.split('-');
  if (parts.length > 2) return { message: `“${text}” is not a range such as ${formatNumber(field, 1)}-${formatNumber(field, 10)}` };
  const from = parts[0] === '' ? undefined : parseNumber(field, parts[0]!);
  const to = parts.length === 1 ? from : parts[1] === '' ? undefined : parseNumber(field, parts[1]!);
  if (typeof from === 'object') return from;
  if (typeof to === 'object') return to;
  if (from === undefined && to === undefined) return { message: 'a range needs at least one end' };
  if (from !== undefined && to !== undefined && from > to) return { message: `${parts[0]} is more than ${parts[1]}`, suggestion: `${parts[1]}-${parts[0]}` };
  return { kind: 'range', from, to };
}

function parseNumber(field: Field, text: string): number | ValueProblem {
  if (field.kind === 'duration') {
    if (/^\d{1,10}$/.test(text)) return Number(text);
    if (/^(\d{1,10}[smhdw])+$/i.test(text)) {
      return [...text.toLowerCase().matchAll(/(\d+)([smhdw])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * SECONDS[unit!]!, 0);
    }
    return { message: `“${text}” is not a time such as 90s, 5m or 2h` };
  }
  if (field.kind === 'size' || field.kind === 'bits') {
    const parts = /^(\d{1,15}(?:\.\d+)?)([kmgt]i?)?$/i.exec(text);
    return parts ? Math.round(Number(parts[1]) * (SIZES[parts[2]?.toLowerCase() ?? ''] ?? 1)) : { message: `“${text}” is not a number such as 1500, 10k or 1M` };
  }
  const largest = field.kind === 'port' ? 65_535 : 4_294_967_295;
  if (/^\d{1,10}$/.test(text) && Number(text) <= largest) return Number(text);
  const digits = /^\d+/.exec(text)?.[0];
  return { message: `“${text}” is not a ${field.kind === 'port' ? 'port from 0 to 65535' : 'number'}`, suggestion: digits && Number(digits) <= largest ? digits : undefined };
}
