import type { Prefix } from '../address.ts';

/** How a term's value compares; fields.ts says which kinds a field accepts. Ranges include both ends; an absent end is open. */
export type Match =
  | { kind: 'prefix'; prefix: Prefix }
  /** An address and a port on the same side of the same tuple. */
  | { kind: 'endpoint'; prefix: Prefix; from: number; to: number }
  | { kind: 'range'; from?: number; to?: number }
  | { kind: 'mask'; value: number; mask: number }
  /** A name; `*` and `?` are wildcards if the field allows globs. Lower case unless the field keeps case. */
  | { kind: 'glob'; pattern: string }
  /** The flow is known to have no value. */
  | { kind: 'none' };

export interface Term {
  kind: 'term';
  field: FieldName;
  match: Match;
}

/** Which flows. `everything` is explicit, never the result of text that did not parse. */
export type FlowFilter =
  | { kind: 'everything' }
  | { kind: 'and'; operands: FlowFilter[] }
  | { kind: 'or'; operands: FlowFilter[] }
  | { kind: 'not'; operand: FlowFilter }
  | Term;

/**
 * Fields in the order of the help. `ip` and `port` compare either side of either tuple and are what bare values mean. Fleet fields (tenant,
 * site, gateway, tag) are resolved by the controller; agents never see them.
 */
export const FIELD_NAMES = [
  'tenant',
  'site',
  'gateway',
  'tag',
  'wan',
  'next-wan',
  'proto',
  'family',
  'state',
  'status',
  'app',
  'ip',
  'src',
  'dst',
  'rsrc',
  'rdst',
  'nat',
  'host',
  'port',
  'sport',
  'dport',
  'rsport',
  'rdport',
  'icmp-type',
  'icmp-code',
  'icmp-id',
  'key',
  'srckey',
  'dstkey',
  'rsrckey',
  'rdstkey',
  'mark',
  'zone',
  'orig-zone',
  'reply-zone',
  'label',
  'helper',
  'age',
  'idle',
  'timeout',
  'bytes',
  'packets',
  'rate',
  'stale',
  'id',
] as const;
export type FieldName = (typeof FIELD_NAMES)[number];

export const FLEET_FIELDS: ReadonlySet<FieldName> = new Set<FieldName>(['tenant', 'site', 'gateway', 'tag']);

export const EVERYTHING: FlowFilter = { kind: 'everything' };

/** Where a text is wrong, as offsets into it, why, and what to replace just that part with. */
export interface FilterProblem {
  message: string;
  start: number;
  end: number;
  suggestion?: string;
}

/** A single operand is returned as is; operands of the same kind are flattened. */
export function join(kind: 'and' | 'or', operands: FlowFilter[]): FlowFilter {
  const flat = operands.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand]));
  return flat.length === 1 ? flat[0]! : { kind, operands: flat };
}

export function allOf(operands: FlowFilter[]): FlowFilter {
  return join('and', operands);
}

export function anyOf(operands: FlowFilter[]): FlowFilter {
  return join('or', operands);
}

/** The negation; a double negation cancels out. */
export function negated(operand: FlowFilter): FlowFilter {
  return operand.kind === 'not' ? operand.operand : { kind: 'not', operand };
}

/** Calls `visit` for each term. */
export function forEachTerm(filter: FlowFilter, visit: (term: Term) => void): void {
  switch (filter.kind) {
    case 'term':
      return visit(filter);
    case 'not':
      return forEachTerm(filter.operand, visit);
    case 'and':
    case 'or':
      return filter.operands.forEach((operand) => forEachTerm(operand, visit));
    case 'everything':
  }
}

/** The number of values that are compared. */
export function countTerms(filter: FlowFilter): number {
  let count = 0;
  forEachTerm(filter, () => {
    count++;
  });
  return count;
}
