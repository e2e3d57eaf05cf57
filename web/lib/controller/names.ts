'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from './queries.ts';

/** What one question may name. */
const MAX_IDS = 200;

/** Names of these gateways by id; the end of the id where the name is not known. */
export function useNamesOf(ids: readonly string[]): (id: string) => string {
  const asked = [...new Set(ids)].toSorted().slice(0, MAX_IDS);
  const { data } = useQuery({ ...queries.gateways({ ids: asked.join(','), limit: MAX_IDS }), enabled: asked.length > 0 });
  return (id) => data?.items.find((gateway) => gateway.id === id)?.name ?? id.slice(-6);
}
