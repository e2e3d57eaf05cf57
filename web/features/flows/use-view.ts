'use client';

import { parseAsBoolean, parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { SORT_FIELDS } from '../../../proto/model/sort.ts';

export const SORTS = ['gateway', ...SORT_FIELDS] as const;
export type SortBy = (typeof SORTS)[number];

/** All that makes the Connections page what it is, in its address; the scope is there too (lib/scope.ts). */
export function useView() {
  return useQueryStates({
    filter: parseAsString.withDefault(''),
    face: parseAsStringLiteral(['chips', 'text'] as const).withDefault('chips'),
    sort: parseAsStringLiteral(SORTS),
    desc: parseAsBoolean.withDefault(false),
    /** A row's key, or `only`: the one that matches, if it is one. */
    open: parseAsString,
  }, { history: 'replace' });
}
