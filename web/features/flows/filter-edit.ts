import { EVERYTHING, type FieldName, type FilterProblem, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import { conjunctsOf, formatFilter } from '../../../proto/model/filter/format.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import { fieldNamed } from '../../../proto/model/filter/fields.ts';
import { spell } from '../../../proto/model/filter/values.ts';

/** One operand of a filter's top-level AND, as a chip shows it. */
export interface Chip {
  text: string;
  name: string;
  value: string;
}

/** The chips of a filter, in its order; joined by spaces they are the same filter. Undefined if the text does not parse. */
export function chipsOf(text: string): Chip[] | undefined {
  const parsed = parseFilter(text);
  if ('problem' in parsed) return undefined;
  return conjunctsOf(parsed.filter).map((part) => {
    const [, minus = '', name, value] = /^(-?)([a-z-]+):?((?:[<>]=?)?[^()]*)$/.exec(formatFilter(part)) ?? [];
    const whole = formatPart(part);
    return name && !whole.includes(' or ')
      ? { text: whole, name: `${minus && 'not '}${NAMES[name] ?? name}`, value: value!.replaceAll('"', '') }
      : { text: whole, name: '', value: whole };
  });
}

/** Names that a chip shows instead of a field's own. */
const NAMES: Record<string, string> = { ip: 'any side', nat: 'translated', rsrc: 'reply source', rdst: 'reply destination' };

/** The term that matches this value of a field. */
export function term(field: FieldName, value: string): string {
  return `${field}:${spell(fieldNamed(field)!, value)}`;
}

/** The text with the suggested fix applied. */
export function withCure(text: string, { start, end, suggestion = '' }: FilterProblem): string {
  return text.slice(0, start) + suggestion + text.slice(end);
}

/** The filter without one chip. A text that does not parse stays as it is. */
export function withoutChip(text: string, chip: string): string {
  return rebuild(text, (parts) => parts.filter((part) => formatPart(part) !== chip));
}

/**
 * The filter with `field:value` switched on or off. Values of one field are joined by OR, since no flow has two protocols.
 * A text that does not parse stays as it is.
 */
export function withToggled(text: string, field: FieldName, value: string): string {
  const wanted = valuesIn(term(field, value), field)[0];
  if (!wanted) return text;
  return rebuild(text, (parts) => {
    const had = parts.flatMap((part) => operandsOf(part, field) ?? []);
    const others = parts.filter((part) => operandsOf(part, field) === undefined);
    const kept = had.filter((one) => formatFilter(one) !== formatFilter(wanted));
    const now = kept.length < had.length ? kept : [...had, wanted];
    return now.length === 0 ? others : [...others, now.length === 1 ? now[0]! : { kind: 'or', operands: now }];
  });
}

/** The filter with one more term, unless it has it; the term may be any part of the grammar. */
export function withTerm(text: string, added: string): string {
  const parsed = parseFilter(added);
  if ('problem' in parsed) return text;
  return rebuild(text, (parts) => {
    const present = new Set(parts.map(formatPart));
    return [...parts, ...conjunctsOf(parsed.filter).filter((part) => !present.has(formatPart(part)))];
  });
}

/** True if the filter includes this value of the field, alone or in a list. */
export function asksFor(text: string, field: FieldName, value: string): boolean {
  const [wanted] = valuesIn(term(field, value), field);
  return wanted !== undefined && valuesIn(text, field).some((one) => formatFilter(one) === formatFilter(wanted));
}

/** The first value of a field in the filter, as text. */
export function valueOf(text: string, field: FieldName): string | undefined {
  const [first] = valuesIn(text, field);
  return (
    first &&
    formatFilter(first)
      .slice(field.length + 1)
      .replaceAll('"', '')
  );
}

/** The filter with all terms of a field replaced by one value; none removes them. */
export function withValue(text: string, field: FieldName, value: string | undefined): string {
  const cleared = rebuild(text, (parts) => parts.filter((part) => operandsOf(part, field) === undefined));
  return value ? withTerm(cleared, term(field, value)) : cleared;
}

function valuesIn(text: string, field: FieldName): FlowFilter[] {
  const parsed = parseFilter(text);
  return 'problem' in parsed ? [] : conjunctsOf(parsed.filter).flatMap((part) => operandsOf(part, field) ?? []);
}

/** The terms of a part that is a term of the field or a list of them. */
function operandsOf(part: FlowFilter, field: FieldName): FlowFilter[] | undefined {
  if (part.kind === 'term') return part.field === field ? [part] : undefined;
  return part.kind === 'or' && part.operands.every((one) => one.kind === 'term' && one.field === field) ? part.operands : undefined;
}

function rebuild(text: string, change: (parts: FlowFilter[]) => FlowFilter[]): string {
  const parsed = parseFilter(text);
  if ('problem' in parsed) return text;
  const parts = change(conjunctsOf(parsed.filter));
  return formatFilter(parts.length === 0 ? EVERYTHING : parts.length === 1 ? parts[0]! : { kind: 'and', operands: parts });
}

/** Formats a part among others: alternatives in brackets. */
function formatPart(part: FlowFilter): string {
  const text = formatFilter(part);
  return part.kind === 'or' && text.includes(' or ') ? `(${text})` : text;
}
