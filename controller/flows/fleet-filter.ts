import { EVERYTHING, FLEET_FIELDS, forEachTerm, type FlowFilter, type Term } from '../../proto/model/filter/filter.ts';
import { globMatches } from '../../proto/model/filter/evaluate.ts';

/** The facts that fleet fields are compared with. */
export interface FleetFacts {
  tenantId: string;
  tenantName: string;
  siteId: string;
  siteName: string;
  gatewayId: string;
  gatewayName: string;
  tags: string[];
}

/** True, false, or the part that the gateway has to decide. */
type Folded = boolean | FlowFilter;

/**
 * The filter as this gateway should get it: fleet fields (tenant, site, gateway, tag) are resolved here and removed. Undefined if nothing
 * on this gateway can match.
 */
export function forGateway(filter: FlowFilter, facts: FleetFacts): FlowFilter | undefined {
  const folded = fold(filter, facts);
  if (typeof folded !== 'boolean') return folded;
  return folded ? EVERYTHING : undefined;
}

/** What the `wan:` terms of a filter mean on a gateway with these WANs: addresses by WAN name. */
export function resolveWans(filter: FlowFilter, wans: { name: string; addresses: string[] }[]): Record<string, string> | undefined {
  const resolved: Record<string, string> = {};
  forEachTerm(filter, ({ field, match }) => {
    if (field !== 'wan' || match.kind !== 'glob') return;
    for (const wan of wans) if (globMatches(match.pattern, wan.name)) resolved[wan.name] = wan.addresses.join(', ');
  });
  return Object.keys(resolved).length > 0 ? resolved : undefined;
}

function fold(filter: FlowFilter, facts: FleetFacts): Folded {
  switch (filter.kind) {
    case 'everything':
      return true;
    case 'term':
      return FLEET_FIELDS.has(filter.field) ? holds(filter, facts) : filter;
    case 'not': {
      const operand = fold(filter.operand, facts);
      return typeof operand === 'boolean' ? !operand : { kind: 'not', operand };
    }
    case 'and':
      return foldOperands('and', filter.operands, facts);
    case 'or':
      return foldOperands('or', filter.operands, facts);
  }
}

/** `and` ends with the first false, `or` with the first true; operands that decide nothing are left out. */
function foldOperands(kind: 'and' | 'or', operands: FlowFilter[], facts: FleetFacts): Folded {
  const decides = kind === 'or';
  const left: FlowFilter[] = [];
  for (const operand of operands) {
    const folded = fold(operand, facts);
    if (folded === decides) return decides;
    if (typeof folded !== 'boolean') left.push(folded);
  }
  const [first] = left;
  if (first === undefined) return !decides;
  return left.length === 1 ? first : { kind, operands: left };
}

function holds({ field, match }: Term, facts: FleetFacts): boolean {
  if (match.kind !== 'glob') return false;
  const named = (...names: string[]): boolean => names.some((name) => globMatches(match.pattern, name));
  switch (field) {
    case 'tenant':
      return named(facts.tenantName, facts.tenantId);
    case 'site':
      return named(facts.siteName, facts.siteId);
    case 'gateway':
      return named(facts.gatewayName, facts.gatewayId);
    case 'tag':
      return named(...facts.tags);
    default:
      return false;
  }
}
