import type { SortField, SortKey } from '../../proto/model/sort.ts';

const TEXT_FIELDS: ReadonlySet<SortField> = new Set(['proto', 'state', 'src', 'dst', 'wan', 'nat']);
const MAX_TEXT = 300;

interface Asked {
  field: SortField;
  compare(a: SortKey, b: SortKey): number;
  after: (SortKey & { withValue?: true }) | undefined;
}

/** Why keys cannot be those of the rows that were asked for; undefined if they can. */
export function whyNotInOrder(keys: readonly SortKey[], { field, compare, after }: Asked): string | undefined {
  const start = after && { value: after.value, id: after.withValue ? -1 : after.id };
  const [first] = keys;
  if (keys.some(({ value }) => !mayBeValue(value, field))) return `It sent rows with a ${field} that cannot be ordered.`;
  if (start && first && compare(first, start) <= 0) return 'It sent rows again that it had sent before.';
  return keys.some((key, index) => index > 0 && compare(keys[index - 1]!, key) > 0)
    ? 'It sent rows in another order than it was asked for.'
    : undefined;
}

function mayBeValue(value: SortKey['value'], field: SortField): boolean {
  if (value === undefined) return true;
  if (TEXT_FIELDS.has(field)) return typeof value === 'string' && value.length <= MAX_TEXT;
  return typeof value === 'number' && !Number.isNaN(value);
}
