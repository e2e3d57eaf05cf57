'use client';

import { createSerializer, parseAsBoolean, parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { SORT_FIELDS } from '../../../proto/model/sort.ts';

export const SORTS = ['gateway', ...SORT_FIELDS] as const;
export type SortBy = (typeof SORTS)[number];

/** Back and Forward step through searches, not through opened rows. */
const VIEW = {
  filter: parseAsString.withDefault('').withOptions({ history: 'push' }),
  face: parseAsStringLiteral(['chips', 'text'] as const).withDefault('chips'),
  sort: parseAsStringLiteral(SORTS),
  desc: parseAsBoolean.withDefault(false),
  /** A row's key, or `only`: the matching row, if there is exactly one. */
  open: parseAsString,
};

/** The whole state of the Connections page, in its URL; the scope is there too (lib/scope.ts). */
export function useView() {
  return useQueryStates(VIEW, { history: 'replace' });
}

/** The path of a view. */
export const viewPath = createSerializer(VIEW);
