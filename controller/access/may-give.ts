import type { Grant } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { actionBeyond, mayThere } from './rights-beyond.ts';
import type { Caller } from '../platform/caller.ts';

/**
 * Why the caller may not give or take this role; undefined if the caller may. Nobody gives more than they have, or anything where they have
 * no say over people, and only owners make and unmake owners.
 */
export function whyNotGive(caller: Caller, grant: Grant): string | undefined {
  if (!mayThere(caller, 'people.write', grant)) return 'your roles do not allow people.write there';
  const beyond = actionBeyond(caller, grant);
  if (beyond !== undefined) return `your roles do not allow ${beyond} there`;
  if (grant.role === 'owner' && !isOwner(caller, grant.tenantId)) return 'only an owner can give or take the role of an owner';
  return undefined;
}

/** Throws FORBIDDEN if the caller may not give or take one of these roles. */
export function assertMayGive(caller: Caller, grants: readonly Grant[]): void {
  for (const grant of grants) {
    const why = whyNotGive(caller, grant);
    if (why !== undefined) throw new FleetError('FORBIDDEN', `You cannot give or take the role ${grant.role}: ${why}.`);
  }
}

/** What is to be removed and added so that `before` becomes `after`. */
export function changesOf(before: readonly Grant[], after: readonly Grant[]): { removed: Grant[]; added: Grant[] } {
  const has = (all: readonly Grant[], { role, tenantId }: Grant): boolean =>
    all.some((one) => one.role === role && one.tenantId === tenantId);
  return { removed: before.filter((grant) => !has(after, grant)), added: after.filter((grant) => !has(before, grant)) };
}

/** True for a role that can give access to everybody, everywhere. */
export function isOwnerOfAll({ role, tenantId }: Grant): boolean {
  return role === 'owner' && tenantId === null;
}

function isOwner({ grants, ceiling }: Caller, tenantId: string | null): boolean {
  const covers = (all: readonly Grant[]): boolean =>
    all.some((grant) => grant.role === 'owner' && (grant.tenantId === null || grant.tenantId === tenantId));
  return covers(grants) && (ceiling === undefined || covers(ceiling));
}
