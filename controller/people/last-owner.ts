import { FleetError } from '../../proto/model/error-codes.ts';

/** Throws LAST_OWNER if a change leaves nobody who could give access everywhere. `owners`: how many could, after it. */
export function assertOwnerRemains(owners: number): void {
  if (owners === 0) throw new FleetError('LAST_OWNER', 'No other owner over all tenants could sign in. Make somebody else an owner first.');
}
