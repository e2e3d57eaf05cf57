import type { Flow } from '../../proto/model/flow.ts';
import type { Clock } from '../clock.ts';
import { isSameEntry } from '../conntrack/identity.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import { protectionOf } from './guard.ts';
import { canRefuse } from './refusal-rules.ts';
import type { Refusals } from './refusals.ts';

/** How often a reset looks whether a side has been told. */
const LOOK_MS = 250;

export interface EndingHands { table: ConntrackTable; refusals: Refusals; clock: Clock; context: () => FlowContext }

/**
 * What came of one flow: `reset` a side was sent an RST at its own packet, and the entry closed; `blocked` its packets are refused and the
 * entry is deleted; `expiring` it ends at its time; `deleted` forgotten, and nobody was told. `failed` also where it cannot be told apart.
 */
export type Ending = 'reset' | 'blocked' | 'expiring' | 'deleted' | 'gone' | 'protected' | 'failed';

/**
 * Answers the next packet of either side of these TCP flows with an RST, so that programs fail at once instead of hanging. An RST needs the
 * sequence numbers of a packet, so a side that says nothing is not told: flows that nobody used within `seconds` are deleted then. A flow
 * of another protocol is deleted at once.
 */
export async function resetFlows(hands: EndingHands, flows: readonly Flow[], seconds: number): Promise<Ending[]> {
  const { table, refusals, clock, context } = hands;
  return endEach(hands, flows, async (there) => {
    const open = new Set(there.filter((flow) => canRefuse('reset', flow)));
    const closed = new Set<Flow>();
    await refusals.add('reset', [...open], seconds);
    const endMs = clock.now() + seconds * 1000;
    while (open.size > 0 && clock.now() < endMs) {
      await clock.delay(LOOK_MS);
      const asked = [...open];
      const found = await table.lookup(asked, context());
      for (const [index, flow] of asked.entries()) {
        const now = found[index];
        if (now && isSameEntry(now, flow) && now.state !== 'CLOSE') continue;
        open.delete(flow);
        closed.add(flow);
      }
    }
    // A closed entry is left to its last ten seconds, in which the other side is told too.
    const left = there.filter((flow) => !closed.has(flow));
    const outcomes = new Map<Flow, Ending>([...closed].map((flow) => [flow, 'reset']));
    for (const [index, outcome] of (await table.delete(left)).entries()) outcomes.set(left[index]!, outcome);
    return there.map((flow) => outcomes.get(flow)!);
  });
}

/** Refuses the packets of these flows for so many seconds, also those that would make a new entry, and deletes the entries. */
export async function blockFlows(hands: EndingHands, flows: readonly Flow[], seconds: number): Promise<Ending[]> {
  return endEach(hands, flows, async (there) => {
    const refusable = there.filter((flow) => canRefuse('block', flow));
    await hands.refusals.add('block', refusable, seconds);
    const deleted = new Map((await hands.table.delete(refusable)).map((outcome, index) => [refusable[index]!, outcome]));
    return there.map((flow) => {
      const outcome = deleted.get(flow) ?? 'failed';
      return outcome === 'deleted' ? 'blocked' : outcome;
    });
  });
}

/** Lets these flows end after so many seconds, whatever traffic they have. */
export async function expireFlows(hands: EndingHands, flows: readonly Flow[], seconds: number): Promise<Ending[]> {
  return endEach(hands, flows, (there) => hands.table.expire(there, seconds));
}

/** Ends the flows that are not protected and are still the entries they were; outcomes in the order given. */
async function endEach({ table, clock, context }: EndingHands, flows: readonly Flow[], end: (there: Flow[]) => Promise<Ending[]>): Promise<Ending[]> {
  const { protections } = context();
  const nowMs = clock.now();
  const isThere = await table.areThere([...flows]);
  const first = flows.map((flow, index): Ending | undefined => {
    if (protectionOf(flow, protections, nowMs) !== undefined) return 'protected';
    return isThere[index] ? undefined : 'gone';
  });
  const ended = (await end(flows.filter((_, index) => first[index] === undefined))).values();
  return first.map((outcome) => outcome ?? ended.next().value!);
}
