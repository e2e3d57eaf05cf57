import { Method, Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { Clock } from '../clock.ts';
import { isSameEntry } from '../conntrack/identity.ts';
import type { ConntrackTable, DeleteOutcome, FlowContext } from '../conntrack/table.ts';
import { canRefuse } from './refusal-rules.ts';
import { NO_PACKETS, type Refusals } from './refusals.ts';

/** How often a reset looks whether a side has been told. */
const LOOK_MS = 250;
const MOST_SECONDS = 3600;
const DEFAULT_SECONDS = { [Method.METHOD_RESET]: 10, [Method.METHOD_BLOCK]: 60, [Method.METHOD_EXPIRE]: 30 };

export interface EndingHands {
  table: ConntrackTable;
  /** Absent where packets cannot be refused, as on a simulated gateway. */
  refusals?: Refusals;
  clock: Clock;
  context: () => FlowContext;
  /** Asked while a way waits: it then leaves alone what it has not ended. */
  isStopped: () => boolean;
}

/** Ends flows that are not protected, of which some may be gone; outcomes in the order given. */
export type End = (flows: Flow[]) => Promise<Outcome[]>;

/**
 * How a method ends flows. Throws CAPABILITY_MISSING for one that does not work here, which is tried before any flow is touched, and
 * INVALID_REQUEST for more than an hour.
 */
export async function endBy(method: Method, forSeconds: number | undefined, hands: EndingHands): Promise<End> {
  if (method === Method.METHOD_DELETE) return async (flows) => (await hands.table.delete(flows)).map((outcome) => OUTCOMES[outcome]);
  if (method !== Method.METHOD_RESET && method !== Method.METHOD_BLOCK && method !== Method.METHOD_EXPIRE) throw new FleetError('CAPABILITY_MISSING', 'This agent does not know that way to end flows.');
  const seconds = forSeconds ?? DEFAULT_SECONDS[method];
  if (seconds < 1 || seconds > MOST_SECONDS) throw new FleetError('INVALID_REQUEST', `${seconds} seconds are not between 1 and ${MOST_SECONDS}.`);
  if (method === Method.METHOD_EXPIRE) return ofThoseThere(hands.table, async (flows) => (await hands.table.expire(flows, seconds)).map((outcome) => OUTCOMES[outcome]));
  const { refusals } = hands;
  const whyNot = refusals ? await refusals.whyNot() : NO_PACKETS;
  if (!refusals || whyNot !== undefined) throw new FleetError('CAPABILITY_MISSING', `Flows can be neither reset nor blocked here; delete them. ${whyNot}`);
  return ofThoseThere(hands.table, (flows) => (method === Method.METHOD_RESET ? reset : block)(hands, refusals, flows, seconds));
}

/** A delete compares start times itself; other ways would meet a flow that was born since with the tuple, and perhaps the id, of one that is gone. */
function ofThoseThere(table: ConntrackTable, end: End): End {
  return async (flows) => {
    const isThere = await table.areThere(flows);
    const ended = (await end(flows.filter((_, index) => isThere[index]))).values();
    return isThere.map((there) => (there ? ended.next().value! : Outcome.OUTCOME_GONE));
  };
}

const OUTCOMES: Record<DeleteOutcome | 'expiring', Outcome> = {
  deleted: Outcome.OUTCOME_DELETED, gone: Outcome.OUTCOME_GONE, failed: Outcome.OUTCOME_FAILED, expiring: Outcome.OUTCOME_EXPIRING,
};

/**
 * Answers the next packet of either side of the TCP flows with an RST, so that programs fail at once instead of hanging. An RST needs the
 * sequence numbers of a packet, so a side that says nothing is not told: flows that nobody used within the time are deleted then. A flow of
 * another protocol is deleted at once with them. Where it is stopped, flows that are still open are left as they were.
 */
async function reset({ table, clock, context, isStopped }: EndingHands, refusals: Refusals, flows: Flow[], seconds: number): Promise<Outcome[]> {
  const open = new Set(flows.filter((flow) => canRefuse('reset', flow)));
  const closed = new Set<Flow>();
  await refusals.add('reset', [...open], seconds);
  for (const endMs = clock.now() + seconds * 1000; open.size > 0 && clock.now() < endMs && !isStopped();) {
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
  if (isStopped()) {
    await refusals.release('reset', [...open]);
    return flows.map((flow) => (closed.has(flow) ? Outcome.OUTCOME_RESET : Outcome.OUTCOME_CANCELLED));
  }
  // A closed entry is left to its last ten seconds, in which the other side is told too.
  const deleted = (await table.delete(flows.filter((flow) => !closed.has(flow)))).values();
  return flows.map((flow) => (closed.has(flow) ? Outcome.OUTCOME_RESET : OUTCOMES[deleted.next().value!]));
}

/** Refuses the packets of the flows, also those that would make a new entry, and deletes the entries. What cannot be told apart has failed. */
async function block({ table }: EndingHands, refusals: Refusals, flows: Flow[], seconds: number): Promise<Outcome[]> {
  const refusable = flows.filter((flow) => canRefuse('block', flow));
  await refusals.add('block', refusable, seconds);
  const deleted = (await table.delete(refusable)).values();
  return flows.map((flow) => {
    const outcome = canRefuse('block', flow) ? deleted.next().value! : 'failed';
    return outcome === 'deleted' ? Outcome.OUTCOME_BLOCKED : OUTCOMES[outcome];
  });
}
