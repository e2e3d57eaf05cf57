import { parseAddress } from '../../../proto/model/address.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import type { Predicate } from '../query/compile-filter.ts';
import type { Columns } from '../rows/columns.ts';

const V6 = 0x1_0000_0000;

/** Rows that one of these addresses began. */
export function ownRows({ common: { family, origSrc }, addresses6 }: Columns, own: readonly string[]): Predicate {
  const places = new Set(
    own.flatMap((text) => {
      const address = parseAddress(text);
      if (!address) return [];
      return [address.length === 4 ? networkU32(address, 0) >>> 0 : V6 + addresses6.find(address)];
    }),
  );
  return (row) => places.has(family[row] === 6 ? V6 + origSrc[row]! : origSrc[row]!);
}
