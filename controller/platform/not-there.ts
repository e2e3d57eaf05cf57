import { FleetError } from '../../proto/model/error-codes.ts';

/** For a plan, flush or run that is not there. Unknown, another tenant's and past its time are told alike: nobody learns which. */
export function notThere(noun: 'plan' | 'flush' | 'run' | 'block'): FleetError {
  return new FleetError('NOT_FOUND', `There is no such ${noun}, or it is past the time for which it is kept.`);
}
