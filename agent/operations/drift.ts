import { FleetError } from '../../proto/model/error-codes.ts';
import type { ConntrackTable } from '../conntrack/table.ts';
import type { FlowList } from './flow-list.ts';

const BATCH = 5000;

/** How many of these flows have gone from the table since they were listed; an entry re-created by traffic counts as another one. */
export async function driftOf(table: Pick<ConntrackTable, 'areThere'>, flows: FlowList): Promise<number> {
  let gone = 0;
  for (const batch of flows.batches(BATCH)) gone += (await table.areThere(batch)).filter((isThere) => !isThere).length;
  return gone;
}

/** Throws PLAN_DRIFTED if more of a plan's flows have gone than its maker allowed. Checks nothing if no limit was given. */
export async function assertNotDrifted(
  table: Pick<ConntrackTable, 'areThere'>,
  flows: FlowList,
  maxDrift: number | undefined,
): Promise<void> {
  // A plan of no more flows than may go cannot drift too far.
  if (maxDrift === undefined || flows.count <= maxDrift) return;
  const drift = await driftOf(table, flows);
  if (drift <= maxDrift) return;
  throw new FleetError(
    'PLAN_DRIFTED',
    `${drift} of ${flows.count} planned flows are gone, and maxDrift is ${maxDrift}. Nothing was touched; create a new plan.`,
    { drift, maxDrift },
  );
}
