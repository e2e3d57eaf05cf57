import type { SortKey as WireSortKey } from '../gen/ctfleet/v1/link.ts';
import type { SortKey } from '../model/sort.ts';

export function toWireSortKey({ value, id }: SortKey): WireSortKey {
  if (value === undefined) return { value: undefined, id };
  return { value: typeof value === 'number' ? { $case: 'number', value } : { $case: 'text', value }, id };
}

export function fromWireSortKey({ value, id }: WireSortKey): SortKey {
  return { value: value?.value, id };
}
