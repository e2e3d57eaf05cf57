import { createHash } from 'node:crypto';
import type { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import { Method, type Impact } from '../../proto/gen/ctfleet/v1/operation.ts';
import { refusedBy } from '../../proto/model/block/of-filter.ts';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { Clock } from '../time/clock.ts';
import type { Blocks } from '../firewall/tables/blocks.ts';
import { DEFAULT_SECONDS } from './end-flows.ts';
import { ImpactCounter } from './impact.ts';
import { expiryOf, type PlanStore } from './plan-store.ts';
import { NO_PACKETS } from '../firewall/tables/refusals.ts';

const MAX_PLAN_FLOWS = 1_000_000;

export interface FreezeHands {
  table: ConntrackTable;
  plans: PlanStore;
  /** Absent where packets cannot be refused. */
  blocks?: Blocks;
  /** True for a plan that a command needs. */
  isPlanInUse: (planId: string) => boolean;
  context: () => FlowContext;
  clock: Clock;
}

/** Which flows, how they are to be ended, and until when the plan is kept. Times are the controller's. */
export interface FreezeRequest {
  planId: string;
  filter: FlowFilter;
  method: Method;
  forSeconds?: number;
  expiresAtMs: number;
  maxFlows: number;
}

/** What a plan is, once it is on disk. One without flows is not kept, unless it is a block. */
export interface Frozen {
  flows: number;
  digest: Buffer;
  tableCount: number;
  impact: Impact;
  /** Of a block: what it refuses beside its flows, and what is spared from it. */
  refused?: RefusedPackets;
  spared: string[];
}

/**
 * Freezes what matches on disk, but for what is protected, and shows it a batch at a time as it goes. What throws has left no plan.
 * Throws PLAN_ALREADY_RUN for a plan that a command needs, PLAN_TOO_LARGE, RATE_LIMITED where plans have no more room, CAPABILITY_MISSING
 * where nothing can be blocked, FILTER_NOT_OF_PACKETS for what is no block, CANCELLED, and what the table, the disk and `show` throw.
 */
export async function freezePlan(
  { table, plans, blocks, isPlanInUse, context, clock }: FreezeHands,
  { planId, filter, method, forSeconds, expiresAtMs, maxFlows }: FreezeRequest,
  nowMs: number,
  show: (flows: WireFlow[]) => Promise<void>,
  signal: AbortSignal,
): Promise<Frozen> {
  plans.sweep(nowMs, isPlanInUse);
  if (isPlanInUse(planId)) throw new FleetError('PLAN_ALREADY_RUN', 'This plan is being run here; it cannot be frozen again.', { planId });
  const refused = method === Method.METHOD_BLOCK ? checkedBlock(blocks, filter, forSeconds) : undefined;
  const impact = new ImpactCounter(method, clock.now());
  const most = Math.min(maxFlows, MAX_PLAN_FLOWS);
  const writer = plans.begin(planId, expiryOf(expiresAtMs, nowMs), refused);
  let flows = 0;
  try {
    for await (const batch of table.collect({ filter, context: context(), signal, withProspects: true })) {
      const free = batch.filter((flow) => (impact.add(flow), flow.protectedBy === undefined)).map(toWireFlow);
      flows += free.length;
      if (flows > most) throw new FleetError('PLAN_TOO_LARGE', `More than ${most} flows match; narrow the filter.`);
      free.forEach((flow) => writer.addMessage(flow));
      await show(free);
    }
    if (signal.aborted) throw new FleetError('CANCELLED', 'The plan request was cancelled.');
  } catch (error) {
    writer.discard();
    throw error;
  }
  // Nothing can run a plan of nothing: kept, it would only take the place of another. A block may refuse packets of no flow.
  const isEmpty = flows === 0 && !refused?.anyOf.length;
  if (isEmpty) writer.discard();
  const digest = isEmpty ? createHash('sha256').digest() : writer.finish();
  const tableCount = await table.count();
  return { flows, digest, tableCount, impact: impact.result(tableCount), refused, spared: refused ? blocks!.spares(refused) : [] };
}

function checkedBlock(blocks: Blocks | undefined, filter: FlowFilter, forSeconds = DEFAULT_SECONDS[Method.METHOD_BLOCK]): RefusedPackets {
  if (!blocks) throw new FleetError('CAPABILITY_MISSING', NO_PACKETS);
  const refused = refusedBy(filter, forSeconds);
  blocks.check(refused);
  return refused;
}
