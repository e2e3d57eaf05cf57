import { prefixContains } from '../../../proto/model/address.ts';
import type { FlowFilter, Match, Term } from '../../../proto/model/filter/filter.ts';
import { PORT_OF } from './kernel-filter.ts';

/** Beyond so many alternatives a filter is not taken apart; then nothing is proven. */
const MAX_ALTERNATIVES = 256;

/**
 * True only if no flow at all can match both filters. Proven from terms of the same field that exclude each other, in every pair of
 * alternatives; false means no more than that nothing was proven.
 */
export function areDisjoint(a: FlowFilter, b: FlowFilter): boolean {
  const [some, others] = [alternativesOf(a), alternativesOf(b)];
  if (!some || !others) return false;
  return some.every((terms) => others.every((more) => terms.some((term) => more.some((other) => exclude(term, other)))));
}

/**
 * The filter as alternatives of terms that all hold; a negation is left out, which only makes an alternative wider. Undefined if there are
 * too many.
 */
function alternativesOf(filter: FlowFilter): Term[][] | undefined {
  switch (filter.kind) {
    case 'everything':
    case 'not':
      return [[]];
    case 'term':
      return [partsOf(filter)];
    case 'or': {
      const all = filter.operands.map(alternativesOf);
      const found = all.flatMap((one) => one ?? []);
      return all.includes(undefined) || found.length > MAX_ALTERNATIVES ? undefined : found;
    }
    case 'and': {
      let found: Term[][] = [[]];
      for (const operand of filter.operands) {
        const more = alternativesOf(operand);
        if (!more || found.length * more.length > MAX_ALTERNATIVES) return undefined;
        found = found.flatMap((terms) => more.map((others) => [...terms, ...others]));
      }
      return found;
    }
  }
}

/** An endpoint of one end of a tuple is its address and its port. */
function partsOf(term: Term): Term[] {
  const { field, match } = term;
  const port = PORT_OF[field as keyof typeof PORT_OF];
  if (match.kind !== 'endpoint' || port === undefined) return [term];
  return [
    { kind: 'term', field, match: { kind: 'prefix', prefix: match.prefix } },
    { kind: 'term', field: port, match: { kind: 'range', from: match.from, to: match.to } },
  ];
}

/** Fields that hold exactly one value of a flow; two terms of `ip:` may well match the same flow by different sides. */
const ONE_VALUE = new Set([
  'src',
  'dst',
  'rsrc',
  'rdst',
  'sport',
  'dport',
  'rsport',
  'rdport',
  'icmp-type',
  'icmp-code',
  'icmp-id',
  'srckey',
  'dstkey',
  'rsrckey',
  'rdstkey',
  'orig-zone',
  'reply-zone',
  'proto',
  'family',
  'id',
]);

function exclude(a: Term, b: Term): boolean {
  const [familyA, familyB] = [familyOf(a.match), familyOf(b.match)];
  if (familyA !== undefined && familyB !== undefined && familyA !== familyB) return true;
  if (a.field !== b.field) return false;
  if (a.field === 'mark' && a.match.kind === 'mask' && b.match.kind === 'mask') {
    const both = a.match.mask & b.match.mask;
    return (a.match.value & both) !== (b.match.value & both);
  }
  if (!ONE_VALUE.has(a.field)) return false;
  if (a.match.kind === 'range' && b.match.kind === 'range') {
    return (a.match.from ?? 0) > (b.match.to ?? Infinity) || (b.match.from ?? 0) > (a.match.to ?? Infinity);
  }
  if (a.match.kind !== 'prefix' || b.match.kind !== 'prefix') return false;
  return !prefixContains(a.match.prefix, b.match.prefix.address) && !prefixContains(b.match.prefix, a.match.prefix.address);
}

function familyOf(match: Match): 4 | 6 | undefined {
  return match.kind === 'prefix' || match.kind === 'endpoint' ? match.prefix.family : undefined;
}
