import { ResolveDrift_Way, type ResolveDrift } from '../proto/gen/ctfleet/v1/policy.ts';
import type { GuardRules } from './operations/local-guard.ts';
import type { StandingPolicy } from './policies/standing/standing-policy.ts';

export interface PolicyDecisionDependencies {
  standing: Pick<StandingPolicy, 'restore' | 'ignore'>;
  /** The guard file as it is now. */
  guardRules: () => Pick<GuardRules, 'isReadOnly' | 'error'>;
  log: { warn: (fields: object, message: string) => void };
}

/**
 * Does what an operator has decided about drift, unless the gateway's owner allows nothing to be changed. It may be told any number of
 * times.
 */
export class PolicyDecisions {
  readonly #deps: PolicyDecisionDependencies;

  constructor(deps: PolicyDecisionDependencies) {
    this.#deps = deps;
  }

  /** Never rejects: the state that is told next says what became of it. */
  async resolve({ changeId, paths, way }: ResolveDrift): Promise<void> {
    const { standing, guardRules, log } = this.#deps;
    try {
      if (way === ResolveDrift_Way.WAY_IGNORE) return await standing.ignore(changeId, paths);
      if (way !== ResolveDrift_Way.WAY_RESTORE) return;
      const { isReadOnly, error } = guardRules();
      if (isReadOnly || error !== undefined)
        return log.warn(
          { paths, guard: error ?? 'readOnly' },
          'what was changed by hand is not set again: the guard of this gateway refuses it',
        );
      await standing.restore(changeId, paths);
    } catch (error) {
      log.warn({ err: error, paths }, 'what was changed by hand could not be set again');
    }
  }
}
