import type { ExpectationsEnded } from '../../proto/gen/ctfleet/v1/policy.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { isSameExpectation, type ListedExpectation } from '../../proto/model/expectation.ts';
import type { ConntrackTable, Expectation, FlowContext } from '../conntrack/table.ts';
import type { Guard } from './local-guard.ts';

export interface EndingExpectations {
  table: Pick<ConntrackTable, 'expectations' | 'deleteExpectations' | 'lookup'>;
  guard: Guard;
  context: () => FlowContext;
}

/**
 * Deletes exactly the expectations that were listed, and reads them again: one counts as deleted if it was there and is not any more.
 * Throws GUARD_REFUSED, with nothing deleted, where nothing may be deleted or a protected flow expects one of them.
 */
export async function endExpectations(
  { table, guard, context }: EndingExpectations,
  listed: readonly ListedExpectation[],
  signal: AbortSignal,
): Promise<ExpectationsEnded> {
  guard.allowDeleting();
  const found = theSame(listed, await table.expectations());
  await refuseProtected(table, context(), found);
  signal.throwIfAborted();
  const outcomes = await table.deleteExpectations(found);
  const left = new Set(theSame(found, await table.expectations()).map(({ id }) => id));
  const failed = found.filter(({ id }) => left.has(id)).length;
  const deleted = found.filter(({ id }, index) => !left.has(id) && outcomes[index] !== 'gone').length;
  return { deleted, gone: listed.length - deleted - failed, failed };
}

/** Those of `there` that were listed, each once. */
function theSame(listed: readonly Omit<ListedExpectation, 'isPermanent'>[], there: readonly Expectation[]): Expectation[] {
  const byId = Map.groupBy(listed, ({ id }) => id);
  return there.filter((one) => byId.get(one.id)?.some((known) => isSameExpectation(known, one)));
}

async function refuseProtected(
  table: Pick<ConntrackTable, 'lookup'>,
  context: FlowContext,
  expectations: readonly Expectation[],
): Promise<void> {
  const masters = await table.lookup(
    expectations.map(({ master }) => ({ ...master, id: 0 })),
    context,
  );
  const reasons = masters.flatMap((master) => master?.protectedBy ?? []);
  if (reasons.length === 0) return;
  throw new FleetError(
    'GUARD_REFUSED',
    `The guard of this gateway refuses it: a protected flow (${reasons[0]}) expects ${reasons.length} of these. Select without them.`,
  );
}
