import { FleetError } from '../../../proto/model/error-codes.ts';
import { differenceOf } from '../../../proto/model/policy/difference.ts';
import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import { effectivePolicy } from '../../../proto/model/policy/effective.ts';
import type { PolicyReading } from '../../../proto/model/policy/gateway-reading.ts';
import { readPolicy } from '../../../proto/model/policy/read.ts';
import type { Policies } from '../reading/policies.ts';
import { plannedEffects, type EffectsHands, type PlannedEffects } from './plan-effects.ts';

export interface PlanningHands extends EffectsHands {
  policies: Pick<Policies, 'read' | 'ownTable'>;
  /** Packets that no rule touches, as they are now. */
  spared: () => Promise<readonly PolicyMatch[]>;
}

/** Says what a policy would change here, and what that would do to the flows of now. Changes nothing. */
export class PolicyPlanning {
  readonly #hands: PlanningHands;

  constructor(hands: PlanningHands) {
    this.#hands = hands;
  }

  /**
   * Throws POLICY_INVALID for what is no policy, CANCELLED, and FleetError where the gateway cannot be read. Where only its flows cannot,
   * that is part of the answer.
   * @param text all that is to hold here, as one document
   * @param maxFlows rows wanted of those that would be stopped
   */
  async plan(text: string, maxFlows: number, signal: AbortSignal): Promise<{ reading: PolicyReading; effects: PlannedEffects }> {
    const read = readPolicy(text);
    if ('problems' in read) {
      const [{ path, message, cure } = { path: '', message: 'it cannot be read', cure: 'correct it' }] = read.problems;
      throw new FleetError('POLICY_INVALID', `This agent cannot read the policy: ${path}: ${message}; ${cure}.`);
    }
    const { values: wanted } = effectivePolicy([{ policyId: '', level: 'gateway', document: read.document }]);
    const { policies, spared } = this.#hands;
    const reading = await policies.read(signal);
    try {
      const found = (await policies.ownTable())?.table;
      const difference = differenceOf(wanted, reading.actual);
      const change = { wanted, difference, actual: reading.actual, found, spared: await spared() };
      return { reading, effects: await plannedEffects(change, this.#hands, { maxFlows, signal }) };
    } catch (error) {
      if (signal.aborted || !isReported(error)) throw error;
      return { reading, effects: { effects: [], stopped: [], unknown: error.message } };
    }
  }
}

/** What is part of an answer: a failure of the kernel or of nft, and a listing that nobody understands. */
function isReported(error: unknown): error is Error {
  return error instanceof FleetError && error.code !== 'CANCELLED';
}
