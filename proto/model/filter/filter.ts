import type { Prefix } from '../address.ts';

/** How a term's value compares; which kinds a field takes is in fields.ts. Ranges include both ends; an absent end is open. */
export type Match =
  | { kind: 'prefix'; prefix: Prefix }
  | { kind: 'range'; from?: number; to?: number }
  | { kind: 'mask'; value: number; mask: number }
  /** A name; `*` and `?` are wild where the field allows globs. Lower case unless the field keeps case. */
  | { kind: 'glob'; pattern: string };

export interface Term { kind: 'term'; field: FieldName; match: Match }

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
  'tenant', 'site', 'gateway', 'tag', 'wan',
  'proto', 'family', 'state', 'status', 'app',
  'ip', 'src', 'dst', 'rsrc', 'rdst', 'nat', 'host',
  'port', 'sport', 'dport', 'rsport', 'rdport',
  'mark', 'zone', 'label', 'helper',
  'age', 'idle', 'timeout', 'bytes', 'packets', 'rate', 'stale', 'id',
] as const;
export type FieldName = (typeof FIELD_NAMES)[number];

export const FLEET_FIELDS: ReadonlySet<FieldName> = new Set<FieldName>(['tenant', 'site', 'gateway', 'tag']);

export const EVERYTHING: FlowFilter = { kind: 'everything' };

/** Where a text is wrong, as offsets into it, why, and what to put in the place of just that part. */
export interface FilterProblem { message: string; start: number; end: number; suggestion?: string }

/** Calls `visit` for each term. */
export function forEachTerm(filter: FlowFilter, visit: (term: Term) => void): void {
  switch (filter.kind) {
    case 'term': return visit(filter);
    case 'not': return forEachTerm(filter.operand, visit);
    case 'and':
    case 'or': return filter.operands.forEach((operand) => forEachTerm(operand, visit));
    case 'everything':
  }
}
