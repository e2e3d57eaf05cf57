import { fieldNamed } from './fields.ts';
import type { FlowFilter, Term } from './filter.ts';
import { formatNumber, formatValue } from './values.ts';

/** The filter in its canonical spelling; parseFilter returns an equal filter. Everything is the empty text. */
export function formatFilter(filter: FlowFilter): string {
  return format(filter, 'either');
}

/** The parts joined by AND, each shown by the console as one chip. */
export function conjunctsOf(filter: FlowFilter): FlowFilter[] {
  return filter.kind === 'and' ? filter.operands : filter.kind === 'everything' ? [] : [filter];
}

function format(filter: FlowFilter, place: 'either' | 'both' | 'one'): string {
  switch (filter.kind) {
    case 'everything':
      return '';
    case 'term':
      return formatTerm(filter);
    case 'not':
      return `-${format(filter.operand, 'one')}`;
    case 'and':
      return bracket(place === 'one', filter.operands.map((operand) => format(operand, operand.kind === 'and' ? 'one' : 'both')).join(' '));
    case 'or':
      return (
        formatList(filter.operands) ??
        bracket(place !== 'either', filter.operands.map((operand) => format(operand, operand.kind === 'or' ? 'one' : 'both')).join(' or '))
      );
  }
}

/** `proto:udp,tcp` if all operands are closed terms of one field. */
function formatList(operands: FlowFilter[]): string | undefined {
  const [first] = operands;
  if (first?.kind !== 'term') return undefined;
  const field = fieldNamed(first.field)!;
  const values = operands.map((operand) =>
    operand.kind === 'term' && operand.field === first.field ? formatValue(field, operand.match) : undefined,
  );
  return values.every((value) => value !== undefined) ? `${field.name}:${values.join(',')}` : undefined;
}

function formatTerm({ field: name, match }: Term): string {
  const field = fieldNamed(name)!;
  const value = formatValue(field, match);
  if (value !== undefined) return `${name}:${value}`;
  if (match.kind !== 'range') throw new TypeError(`${name} has a value without a spelling`);
  return match.from !== undefined ? `${name}>=${formatNumber(field, match.from)}` : `${name}<=${formatNumber(field, match.to ?? 0)}`;
}

function bracket(isNeeded: boolean, text: string): string {
  return isNeeded ? `(${text})` : text;
}
