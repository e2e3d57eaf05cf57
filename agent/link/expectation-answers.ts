import type { EndExpectations, ExpectationList, ExpectationQuery, ExpectationsEnded } from '../../proto/gen/ctfleet/v1/policy.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { MAX_EXPECTATIONS, type ListedExpectation } from '../../proto/model/expectation.ts';
import { fromWireExpectation, toWireExpectation } from '../../proto/wire/expectation.ts';
import type { ConntrackTable, Expectation } from '../conntrack/table.ts';
import { endExpectations, type EndingExpectations } from '../operations/end-expectations.ts';

/** NF_CT_EXPECT_PERMANENT (nf_conntrack_common.h). */
const PERMANENT = 1;

/** As many as were asked for and have room in a message. */
export async function listExpectations(
  { table }: { table: Pick<ConntrackTable, 'expectations'> },
  { limit }: ExpectationQuery,
): Promise<ExpectationList> {
  const all = await table.expectations();
  const told = all.slice(0, Math.min(limit, MAX_EXPECTATIONS));
  return { expectations: told.map((one) => toWireExpectation(toListed(one))), left: all.length - told.length };
}

/** Throws INVALID_REQUEST for what is no list of expectations. */
export function endListed(deps: EndingExpectations, { expectations }: EndExpectations, signal: AbortSignal): Promise<ExpectationsEnded> {
  if (expectations.length > MAX_EXPECTATIONS)
    throw new FleetError('INVALID_REQUEST', `${expectations.length} expectations are more than ${MAX_EXPECTATIONS} at once.`);
  return endExpectations(deps, expectations.map(listedFrom), signal);
}

function listedFrom(wire: EndExpectations['expectations'][number], index: number): ListedExpectation {
  try {
    return fromWireExpectation(wire);
  } catch (error) {
    throw new FleetError('INVALID_REQUEST', `Expectation ${index} is none: ${(error as Error).message}.`, {}, { cause: error });
  }
}

function toListed({ flags, ...rest }: Expectation): ListedExpectation {
  return { ...rest, isPermanent: (flags & PERMANENT) !== 0 };
}
