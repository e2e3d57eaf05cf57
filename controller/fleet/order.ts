import type { Place } from './member.ts';

/** By name, or by tenant, site and name. */
export type Order = 'name' | 'place';

/** Names with numbers in them sort as people count: gw2 before gw10. */
const collator = new Intl.Collator('en', { numeric: true });

/** What a list in this order is ordered by, and a cursor remembers; the id decides among equals. */
export function keyOf(order: Order, { tenantName, siteName, name, id }: Place): string[] {
  return order === 'name' ? [name, id] : [tenantName, siteName, name, id];
}

/** Compares two members, or a member with the key of a cursor. */
export function compareKeys(a: string[], b: string[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? '';
    const by = index === a.length - 1 ? Number(part > other) - Number(part < other) : collator.compare(part, other);
    if (by !== 0) return by;
  }
  return 0;
}

export function inOrder(order: Order): (a: Place, b: Place) => number {
  return (a, b) => compareKeys(keyOf(order, a), keyOf(order, b));
}
