'use client';

import { createSerializer, parseAsBoolean, parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { SORT_FIELDS } from '../../../proto/model/sort.ts';

export const SORTS = ['gateway', ...SORT_FIELDS] as const;
export type SortBy = (typeof SORTS)[number];

/** Back and Forward walk through what was looked for, not through what was looked at. */
const VIEW = {
  filter: parseAsString.withDefault('').withOptions({ history: 'push' }),
  face: parseAsStringLiteral(['chips', 'text'] as const).withDefault('chips'),
  sort: parseAsStringLiteral(SORTS),
  desc: parseAsBoolean.withDefault(false),
  /** A row's key, or `only`: the one that matches, if it is one. */
  open: parseAsString,
};

/** All that makes the Connections page what it is, in its address; the scope is there too (lib/scope.ts). */
export function useView() {
  return useQueryStates(VIEW, { history: 'replace' });
}

/** The path of a view. */
export const viewPath = createSerializer(VIEW);
