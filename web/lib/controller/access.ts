'use client';

import { useQuery } from '@tanstack/react-query';
import { ACTIONS, tenantsAllowed, type Action, type Grant } from '../../../proto/model/access.ts';
import * as queries from './queries.ts';

/**
 * Undefined if the action is allowed, otherwise the sentence that a greyed-out button shows. `tenantIds` are all tenants that it would
 * touch; an empty list means at least one tenant, `all` every tenant.
 */
export function refusal(grants: Grant[], action: Action, tenantIds: string[] | 'all' = []): string | undefined {
  const allowed = tenantsAllowed(grants, action);
  if (allowed === 'all') return undefined;
  const isOverAll = tenantIds === 'all';
  if (!isOverAll && (tenantIds.length > 0 ? tenantIds.every((id) => allowed.has(id)) : allowed.size > 0)) return undefined;
  const have = [...new Set(grants.map(({ role }) => role))].join(', ') || 'no role';
  const where = isOverAll ? ' over all tenants' : tenantIds.length > 0 ? ' for this tenant' : '';
  return `Needs the role ${inWords(ACTIONS[action])}${where}; you are ${have}. An owner or admin can grant it.`;
}

/** Like `refusal`, for the signed-in person. Until that is known, returns a sentence saying so. */
export function useRefusal(action: Action, tenantIds: string[] | 'all' = []): string | undefined {
  const { data } = useQuery(queries.me());
  return data ? refusal(data.grants, action, tenantIds) : 'Your roles are still being read.';
}

function inWords(roles: readonly string[]): string {
  return roles.length === 1 ? roles[0]! : `${roles.slice(0, -1).join(', ')} or ${roles.at(-1)!}`;
}
