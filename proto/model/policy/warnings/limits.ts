import { parseAddress, parsePrefix, prefixContains } from '../../address.ts';
import { canonicalMatch } from '../canonical-rule.ts';
import type { PolicyRule } from '../document.ts';
import { rulePath } from '../effective.ts';
import type { AddressUse, Occasion, PolicyWarning } from './warning.ts';

/** Addresses that one warning names. */
const MAX_NAMED = 3;

export function warningsOfLimits({ effective, actual, facts }: Occasion): PolicyWarning[] {
  return effective.values.rules.flatMap((rule): PolicyWarning[] => {
    const { perSource, perDestination } = rule.limits ?? {};
    return [
      ...underUse(rule, 'source', perSource, rule.match.src, facts.topSources),
      ...underUse(rule, 'destination', perDestination, rule.match.dst, facts.topDestinations),
      ...(rule.limits && actual && !hasAlready(rule, actual.table?.rules ?? []) ? [countsFromNow(rule)] : []),
    ];
  });
}

function underUse(
  { name, match }: PolicyRule,
  side: 'source' | 'destination',
  limit: number | undefined,
  prefixes: readonly string[] | undefined,
  top: readonly AddressUse[] = [],
): PolicyWarning[] {
  if (limit === undefined) return [];
  const over = top
    .filter(({ address, connections }) => connections > limit && isIn(prefixes, address))
    .toSorted((a, b) => b.connections - a.connections);
  if (over.length === 0) return [];
  const named = over.slice(0, MAX_NAMED).map(({ address, connections }) => `${address} has ${connections}`);
  const isNarrower = Object.keys(match).some((field) => field !== (side === 'source' ? 'src' : 'dst'));
  return [
    {
      code: 'limit-under-use',
      severity: isNarrower ? 'caution' : 'danger',
      path: rulePath(name),
      message:
        `The limit of ${limit} connections per ${side} of the rule ${name} is less than what is in use: ` +
        `${named.join(', ')}${over.length > MAX_NAMED ? ` and ${over.length - MAX_NAMED} more have too many` : ''}.`,
      reason:
        (isNarrower ? 'These are all connections of the address, not only those that the rule matches. If they count, their ' : 'Their ') +
        'next connections are refused until enough of the others have ended.',
    },
  ];
}

function countsFromNow({ name }: PolicyRule): PolicyWarning {
  return {
    code: 'limit-counts-from-now',
    severity: 'note',
    path: rulePath(name),
    message: `The limits of the rule ${name} count connections that begin from now on.`,
    reason:
      'The kernel does not know which of the connections that are there belong to a new limit; at first an address may have up to ' +
      'twice as many.',
  };
}

/** True if the table counts for these limits already, under whatever name: then it keeps what it has counted. */
function hasAlready({ match, limits }: PolicyRule, rules: readonly PolicyRule[]): boolean {
  const counted = (rule: Pick<PolicyRule, 'match' | 'limits'>): string =>
    JSON.stringify([canonicalMatch(rule.match), rule.limits?.perSource, rule.limits?.perDestination]);
  return rules.some((rule) => rule.limits !== undefined && counted(rule) === counted({ match, limits }));
}

function isIn(prefixes: readonly string[] | undefined, address: string): boolean {
  const bytes = parseAddress(address);
  return bytes !== undefined && (!prefixes || prefixes.some((prefix) => prefixContains(parsePrefix(prefix)!, bytes)));
}
