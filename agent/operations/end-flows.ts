import { Method, Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { Clock } from '../time/clock.ts';
import { isSameEntry } from '../conntrack/identity.ts';
import type { ConntrackTable, DeleteOutcome, FlowContext } from '../conntrack/table.ts';
import { DEFAULT_BLOCK_SECONDS } from '../../proto/model/block/of-filter.ts';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import { hasPorts } from '../../proto/model/protocol.ts';
import type { Blocks } from '../firewall/tables/blocks.ts';
import { canReset } from '../firewall/tables/refusal-rules.ts';
import { NO_PACKETS, type Refusals } from '../firewall/tables/refusals.ts';

/** How often a reset checks whether a side has received its RST. */
const LOOK_MS = 250;
const MAX_SECONDS = 3600;
export const DEFAULT_SECONDS = { [Method.METHOD_RESET]: 10, [Method.METHOD_BLOCK]: DEFAULT_BLOCK_SECONDS, [Method.METHOD_EXPIRE]: 30 };

export interface EndingHands {
  table: ConntrackTable;
  /** Absent where packets cannot be refused, as on a simulated gateway. */
  refusals?: Refusals;
  /** The block of the command; absent for other methods. */
  block?: OneBlock;
  clock: Clock;
  context: () => FlowContext;
  /** Checked while a method waits; once true, it leaves the remaining flows alone. */
  isStopped: () => boolean;
}

/** The block that a command or a remediation starts, under its own id. */
export interface OneBlock {
  blocks: Blocks;
  id: string;
  planId: string;
  refused: RefusedPackets;
}

/** Ends flows that are not protected, some of which may be gone; outcomes in the order given. */
export type End = (flows: Flow[]) => Promise<Outcome[]>;

/**
 * Returns how a method ends flows. Throws CAPABILITY_MISSING for a method that does not work here, which is tested before any flow is
 * touched; INVALID_REQUEST for a time that is not between one second and one hour; for a block, what Blocks.check throws.
 */
export async function endBy(method: Method, forSeconds: number | undefined, hands: EndingHands): Promise<End> {
  if (method === Method.METHOD_DELETE) return async (flows) => (await hands.table.delete(flows)).map((outcome) => OUTCOMES[outcome]);
  if (method !== Method.METHOD_RESET && method !== Method.METHOD_BLOCK && method !== Method.METHOD_EXPIRE)
    throw new FleetError('CAPABILITY_MISSING', 'This agent does not support that method.');
  const seconds = forSeconds ?? DEFAULT_SECONDS[method];
  if (seconds < 1 || seconds > MAX_SECONDS)
    throw new FleetError('INVALID_REQUEST', `The time must be between 1 and ${MAX_SECONDS} seconds, not ${seconds}.`);
  if (method === Method.METHOD_EXPIRE)
    return ofThoseThere(hands.table, async (flows) => (await hands.table.expire(flows, seconds)).map((outcome) => OUTCOMES[outcome]));
  const hand = method === Method.METHOD_RESET ? hands.refusals : hands.block?.blocks;
  const whyNot = hand ? await hand.whyNot() : NO_PACKETS;
  if (whyNot !== undefined)
    throw new FleetError('CAPABILITY_MISSING', `Flows can be neither reset nor blocked here; delete them. ${whyNot}`);
  hands.block?.blocks.check(hands.block.refused);
  return ofThoseThere(hands.table, (flows) =>
    method === Method.METHOD_RESET ? reset(hands, hands.refusals!, flows, seconds) : block(hands.table, hands.block!, flows),
  );
}

/**
 * Skips flows that are gone. A delete compares start times itself; other methods could hit a newer flow that has the tuple, and perhaps the
 * id, of one that is gone.
 */
function ofThoseThere(table: ConntrackTable, end: End): End {
  return async (flows) => {
    const isThere = await table.areThere(flows);
    const ended = (await end(flows.filter((_, index) => isThere[index]))).values();
    return isThere.map((there) => (there ? ended.next().value! : Outcome.OUTCOME_GONE));
  };
}

const OUTCOMES: Record<DeleteOutcome | 'expiring', Outcome> = {
  deleted: Outcome.OUTCOME_DELETED,
  gone: Outcome.OUTCOME_GONE,
  failed: Outcome.OUTCOME_FAILED,
  expiring: Outcome.OUTCOME_EXPIRING,
};

/**
 * Answers the next packet of either side of the TCP flows with an RST, so that programs fail at once instead of hanging. An RST needs the
 * sequence numbers of a packet, so a silent side gets none: flows that are still open when the time ends are deleted, and with them the
 * flows of other protocols. When it is stopped, flows that are still open are left as they were.
 */
async function reset(
  { table, clock, context, isStopped }: EndingHands,
  refusals: Refusals,
  flows: Flow[],
  seconds: number,
): Promise<Outcome[]> {
  const open = new Set(flows.filter((flow) => canReset(flow)));
  const closed = new Set<Flow>();
  await refusals.add([...open], seconds);
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
    await refusals.release([...open]);
    return flows.map((flow) => (closed.has(flow) ? Outcome.OUTCOME_RESET : Outcome.OUTCOME_CANCELLED));
  }
  // A closed entry is left to expire within its last ten seconds, during which the other side gets its RST too.
  const deleted = (await table.delete(flows.filter((flow) => !closed.has(flow)))).values();
  return flows.map((flow) => (closed.has(flow) ? Outcome.OUTCOME_RESET : OUTCOMES[deleted.next().value!]));
}

/**
 * Deletes the entries of a standing block, after adding the flows' own packets to what it refuses. Where only these flows are blocked, one
 * without ports cannot be distinguished from others like it, and fails.
 */
async function block(table: ConntrackTable, { blocks, id, refused }: OneBlock, flows: Flow[]): Promise<Outcome[]> {
  const canBlock = ({ proto }: Flow): boolean => refused.anyOf.length > 0 || hasPorts(proto);
  const blockable = flows.filter(canBlock);
  await blocks.addFlows(id, blockable);
  const deleted = (await table.delete(blockable)).values();
  return flows.map((flow) => {
    const outcome = canBlock(flow) ? deleted.next().value! : 'failed';
    return outcome === 'deleted' ? Outcome.OUTCOME_BLOCKED : OUTCOMES[outcome];
  });
}
