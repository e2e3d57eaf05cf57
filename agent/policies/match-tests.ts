import type { PolicyMatch } from '../../proto/model/policy/document.ts';
import { canonicalMatch, isIPv6 } from '../../proto/model/policy/canonical-rule.ts';
import { withoutAbsent } from '../../proto/model/without-absent.ts';
import { protocolName, protocolNumber } from '../../proto/model/protocol.ts';
import { inOrder, type Test } from './policy-table.ts';

/**
 * The same of every packet of a flow, by what began it: for its replies the interfaces are exchanged, and a mark is not asked for, which
 * they need not have. A match that is about none of these is one list for both directions.
 */
export function testsOfBoth(match: PolicyMatch): Test[][] {
  if (!match.iif && !match.oif && !match.mark) return testsOf(match, 'flow');
  const { iif, oif, mark: _mark, ...rest } = match;
  const reply = withoutAbsent({ ...rest, iif: oif, oif: iif });
  return [['original', match] as const, ['reply', reply] as const].flatMap(([direction, one]) =>
    testsOf(one, 'flow').map((tests) => inOrder([{ on: 'direction', direction }, ...tests])),
  );
}

/** What one rule of nft compares for a match: a list for each family where addresses are given, since no packet has both. */
export function testsOf(match: PolicyMatch, of: 'packet' | 'flow'): Test[][] {
  const { proto, src, dst, sport, dport, iif, oif, zone, mark } = canonicalMatch(match);
  const families = ([4, 6] as const).filter((family) => [src, dst].every((list) => !list || ofFamily(list, family).length > 0));
  const others: Test[] = [
    ...(iif ? [{ on: 'iif' as const, names: iif }] : []),
    ...(oif ? [{ on: 'oif' as const, names: oif }] : []),
    ...(proto === undefined ? [] : [{ on: 'proto' as const, proto: protocolNumber(proto)! }]),
    ...(sport ? [{ on: 'sport' as const, of, ranges: sport }] : []),
    ...(dport ? [{ on: 'dport' as const, of, ranges: dport }] : []),
    ...(zone === undefined ? [] : [{ on: 'zone' as const, zone }]),
    ...(mark ? [{ on: 'mark' as const, value: mark.value, mask: mark.mask }] : []),
  ];
  if (!src && !dst) return [inOrder(others)];
  return families.map((family) =>
    inOrder([
      ...(src ? [{ on: 'src' as const, of, family, prefixes: ofFamily(src, family) }] : []),
      ...(dst ? [{ on: 'dst' as const, of, family, prefixes: ofFamily(dst, family) }] : []),
      ...others,
    ]),
  );
}

/** The match of the replies. */
export function reversed({ src, dst, sport, dport, iif, oif, ...rest }: PolicyMatch): PolicyMatch {
  return withoutAbsent({ ...rest, src: dst, dst: src, sport: dport, dport: sport, iif: oif, oif: iif });
}

/** The match that these lists are made of. Pairs with `testsOf`. */
export function matchOf(lists: readonly (readonly Test[])[]): PolicyMatch {
  const match: PolicyMatch = {};
  for (const test of lists.flat()) {
    switch (test.on) {
      case 'src':
      case 'dst':
        match[test.on] = [...(match[test.on] ?? []), ...test.prefixes];
        break;
      case 'iif':
      case 'oif':
        match[test.on] = test.names;
        break;
      case 'sport':
      case 'dport':
        match[test.on] = test.ranges;
        break;
      case 'proto':
        match.proto = protocolName(test.proto);
        break;
      case 'zone':
        match.zone = test.zone;
        break;
      case 'mark':
        match.mark = { value: test.value, mask: test.mask };
        break;
      case 'state':
      case 'direction':
      case 'expected':
      case 'midstream':
      case 'unconfirmed':
    }
  }
  return canonicalMatch(match);
}

function ofFamily(prefixes: readonly string[], family: 4 | 6): string[] {
  return prefixes.filter((prefix) => isIPv6(prefix) === (family === 6));
}
