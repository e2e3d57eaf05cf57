import type { Plan } from '../generated/prisma/client.ts';
import { FEW_TARGETS } from '../plans/waves.ts';

/**
 * What a plan is of: flows to end, or a policy to put in force. Waves, stops, delivery, deadlines and results are the same for both; in
 * what they differ is here, in `verdict.ts` and in `outgoing-command.ts`.
 */
export type Subject = 'flows' | 'policy';

/** In the column `method` of a command that puts a policy in force. */
export const POLICY = 'policy';

interface Traits {
  /** For people. */
  noun: 'flush' | 'roll-out';
  /** So many targets go at once in any case. */
  few: number;
  /** Of audit entries: `NOUN.wave-begun`. */
  entries: string;
}

export const SUBJECTS: Readonly<Record<Subject, Traits>> = {
  flows: { noun: 'flush', few: FEW_TARGETS, entries: 'flush' },
  // A policy can cut a gateway off: one goes ahead of however few.
  policy: { noun: 'roll-out', few: 1, entries: 'policy-rollout' },
};

export function subjectOf({ subject }: Pick<Plan, 'subject'>): Subject {
  return subject === 'policy' ? 'policy' : 'flows';
}

/** How long a gateway may take to tell after its policy had to be confirmed or put back. */
const TELL_MS = 60_000;

/** How long a command may take from when it had to have begun; flows are ended at once. */
export function endsWithinMs(plan: Pick<Plan, 'subject' | 'forSeconds'>): number {
  return subjectOf(plan) === 'policy' ? (plan.forSeconds ?? 0) * 1000 + TELL_MS : 0;
}

/**
 * When the last of several waves has to have begun. Each wave except the last may take as long to end as it may take to begin; of a policy
 * it takes besides as long as that may be unconfirmed.
 */
export function lastBeginning(plan: Pick<Plan, 'subject' | 'forSeconds'>, waves: number, now: Date, ttlMs: number): Date {
  return new Date(now.getTime() + ttlMs * (2 * waves - 1) + endsWithinMs(plan) * (waves - 1));
}
