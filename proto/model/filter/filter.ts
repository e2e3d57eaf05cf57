import type { Prefix } from '../address.ts';

/** How a term's value compares; which kinds a field takes is in fields.ts. Ranges include both ends; an absent end is open. */
export type Match =
  | { kind: 'prefix'; prefix: Prefix }
  /** An address and a port of the same side of the same tuple. */
  | { kind: 'endpoint'; prefix: Prefix; from: number; to: number }
  | { kind: 'range'; from?: number; to?: number }
  | { kind: 'mask'; value: number; mask: number }
  /** A name; `*` and `?` are wild where the field allows globs. Lower case unless the field keeps case. */
  | { kind: 'glob'; pattern: string }
  /** The flow has no such thing, and that is known. */
  | { kind: 'none' };

export interface Term {
  kind: 'term';
  field: FieldName;
  match: Match;
}

/** Which flows. `everything` is said, never the result of a text that did not parse. */
export type FlowFilter =
  | { kind: 'everything' }
  | { kind: 'and'; operands: FlowFilter[] }
  | { kind: 'or'; operands: FlowFilter[] }
  | { kind: 'not'; operand: FlowFilter }
  | Term;

/**
 * Fields in the order help shows them. `ip` and `port` look at either side of either tuple and are what bare values mean.
 * Fleet fields (tenant, site, gateway, tag) are settled by the controller; agents never see them.
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

/** Where a text is wrong, as offsets into it, why, and what to put in the place of just that part. */
export interface FilterProblem {
  message: string;
  start: number;
  end: number;
  suggestion?: string;
}

/** One operand stands for itself; operands of the same kind are taken in. */
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

/** The opposite; two of them are none. */
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

/** How many values are compared with. */
export function countTerms(filter: FlowFilter): number {
  let count = 0;
  forEachTerm(filter, () => {
    count++;
  });
  return count;
}
