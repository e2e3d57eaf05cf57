import { FleetError } from '../../proto/model/error-codes.ts';

/**
 * For a plan, flush, roll-out, run or block that does not exist. Unknown, another tenant's and expired ones get the same answer, so that
 * nobody can tell which.
 */
export function notThere(noun: 'plan' | 'flush' | 'roll-out' | 'run' | 'block'): FleetError {
  return new FleetError('NOT_FOUND', `There is no such ${noun}, or it is past the time for which it is kept.`);
}
