import type { History } from './history.ts';
import {
  nothingIsDoneTwice,
  nothingIsLate,
  nothingIsLost,
  olderSessionsAreDead,
  orderIsKept,
  unconfirmedIsUndone,
} from './invariants/delivery.ts';
import { gather, type Breach, type Evidence, type Violation } from './invariants/evidence.ts';
import { nobodyIsEnded, nobodySeesTheDead, nothingGoesFurther, protectedFlowsStay, tenantsAreApart } from './invariants/reach.ts';
import { decisionsComeFirst, gapsAreGaps, recordIsTrue } from './invariants/record.ts';

export type { Violation } from './invariants/evidence.ts';

/** The fourteen promises by name; each yields what breaks it. */
export const INVARIANTS = {
  I1: { says: 'no accepted command is lost', breaches: nothingIsLost },
  I2: { says: 'a command has its effect at most once', breaches: nothingIsDoneTwice },
  I3: { says: 'each gateway works in the order of its commands', breaches: orderIsKept },
  I4: { says: 'nothing begins after its deadline', breaches: nothingIsLate },
  I5: { says: 'the audit entry is there before the effect', breaches: decisionsComeFirst },
  I6: { says: 'nothing crosses tenants', breaches: tenantsAreApart },
  I7: { says: 'protected flows are never ended', breaches: protectedFlowsStay },
  I8: { says: 'an unconfirmed change is undone by its deadline', breaches: unconfirmedIsUndone },
  I9: { says: 'the audit chains verify, and counts match', breaches: recordIsTrue },
  I10: { says: 'a stale session has no effect', breaches: olderSessionsAreDead },
  I11: { says: 'no effect beyond what was shown and agreed to', breaches: nothingGoesFurther },
  I12: { says: 'gaps in history are gaps', breaches: gapsAreGaps },
  I13: { says: 'nothing that one party sends, breaks or restores ends another', breaches: nobodyIsEnded },
  I14: { says: 'a gateway whose controller is gone is not shown as connected', breaches: nobodySeesTheDead },
} as const satisfies Record<string, { says: string; breaches: (evidence: Evidence) => Iterable<Breach> }>;
export type InvariantName = keyof typeof INVARIANTS;

/** Everything in a history that breaks a promise; empty if all hold. */
export function checkInvariants(history: History): Violation[] {
  const evidence = gather(history);
  return Object.entries(INVARIANTS).flatMap(([invariant, { breaches }]) =>
    [...breaches(evidence)].map((breach) => ({ invariant, ...breach })),
  );
}
