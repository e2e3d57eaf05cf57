import type { Logger } from 'pino';
import { Method, Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun_State as State, type RemediationRun } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { refusedBy } from '../../proto/model/block/of-filter.ts';
import { FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { OnePersonLimits } from '../../proto/model/tenant-limits.ts';
import type { Clock } from '../time/clock.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { Blocks } from '../firewall/tables/blocks.ts';
import { DEFAULT_SECONDS, endBy, type OneBlock } from '../operations/end-flows.ts';
import { endedOf, type OnEnded } from '../operations/ended.ts';
import { listOf, type FlowList } from '../operations/flow-list.ts';
import type { Ending } from '../operations/journal.ts';
import { isStale } from '../operations/lately.ts';
import type { Guard } from '../operations/local-guard.ts';
import { toRuns } from '../operations/outcomes.ts';
import type { Refusals } from '../firewall/tables/refusals.ts';
import { runPlan } from '../operations/run-plan.ts';
import type { GatewayRemediation } from './remediation-set.ts';
import type { RunHistory } from './run-history.ts';
import type { RunLog } from './run-log.ts';
import type { RunHead } from './run-parts.ts';

export interface RunHands {
  table: ConntrackTable;
  /** Absent where packets cannot be refused. */
  refusals?: Refusals;
  blocks?: Blocks;
  guard: Pick<Guard, 'allow'>;
  runs: RunLog;
  history: RunHistory;
  clock: Clock;
  context: () => FlowContext;
  onEnded?: OnEnded;
  log: Logger;
}

export interface RunOptions {
  remediation: GatewayRemediation;
  /** What is known of the run before its first effect. */
  head: RunHead;
  filter: FlowFilter;
  /** What the first check found. */
  flows: Flow[];
  /** `flows` are only the part of what was found that the limits allow: no further sweep follows. */
  isPart?: boolean;
  /** Checked before each batch and each further sweep; once false, the rest is left alone. */
  mayGoOn: () => boolean;
}

/**
 * Ends exactly these flows, verifies, then searches again and ends what has come back, up to the number of sweeps. Each sweep is frozen and
 * journalled before its first entry is touched. Returns the finished run's id. Throws GUARD_REFUSED, APPROVAL_NEEDED and what endBy throws,
 * all before anything is touched.
 */
export async function carryOut(
  hands: RunHands,
  { remediation: { id, document, limits: tenantLimits }, head, filter, flows: first, isPart = false, mayGoOn }: RunOptions,
): Promise<string> {
  const { runs, history, clock } = hands;
  const { limits, steps, forSeconds } = document;
  const ending: Ending = { method: head.method, forSeconds };
  const endFlows = await endingBy(hands, ending, blockOf(hands, ending, head.id, filter), () => !mayGoOn());
  let end: Partial<RunHead> = { state: State.STATE_DONE };
  await allow(hands, ending, askOf(first), { limits: tenantLimits });
  runs.keep(head);
  history.began(id, clock.now());
  let total = 0;
  try {
    for (let sweep = 1, flows = first; ; sweep++) {
      total += flows.length;
      runs.start(head.id, sweep, ending, flows, clock.now());
      const outcomes = await endFlows(listOf(flows), steps.verifyAfterSeconds * 1000, false);
      hands.onEnded?.({ runId: head.id }, endedOf(listOf(flows), outcomes));
      runs.finish(head.id, sweep, toRuns(outcomes));
      if (isPart || sweep > steps.sweeps || !mayGoOn()) break;
      const again = await freeze(hands, filter, limits.maxFlows);
      if (again.matched === 0) break;
      if (total + again.matched > limits.maxFlows)
        throw new FleetError(
          'PLAN_TOO_LARGE',
          `${again.matched} flows came back; with the ${total} before, that exceeds maxFlows ${limits.maxFlows}. They were left alone.`,
        );
      await allow(hands, ending, askOf(again.flows), { limits: tenantLimits });
      flows = again.flows;
    }
  } catch (error) {
    const state = runs.interrupted(head.id)
      ? State.STATE_INDETERMINATE
      : runs.finished(head.id).length > 0
        ? State.STATE_DONE
        : State.STATE_FAILED;
    end = { state, reason: codeOf(error), detail: (error as Error).message };
  }
  finish(hands, { ...head, ...end, matched: total });
  history.ended(id, clock.now());
  return head.id;
}

/**
 * Resumes runs that a crash interrupted: a sweep that had started runs again on exactly the same flows, and no other is started. Returns
 * the ids of the runs that are now finished.
 */
export async function recover(hands: RunHands): Promise<string[]> {
  const recovered: string[] = [];
  for (const head of hands.runs.heads().filter(({ finishedAtMs }) => finishedAtMs === undefined)) {
    try {
      finish(hands, { ...head, ...(await resume(hands, head.id)) });
      recovered.push(head.id);
    } catch (error) {
      hands.log.error({ err: error, run: head.id }, 'an interrupted run could not be resumed');
    }
  }
  return recovered;
}

async function resume(hands: RunHands, runId: string): Promise<Partial<RunHead>> {
  const { runs } = hands;
  const interrupted = runs.interrupted(runId);
  if (!interrupted && runs.finished(runId).length === 0)
    return { state: State.STATE_FAILED, reason: 'UNAVAILABLE', detail: 'The agent stopped before the run started; nothing was touched.' };
  try {
    if (interrupted) {
      const { number, ending, flows } = interrupted;
      await allow(hands, ending, { flows: flows.count, stale: 0 }, { isRepeated: true });
      const endFlows = await endingBy(
        hands,
        ending,
        blockOf(hands, ending, runId, filterOf(runs.heads().find(({ id }) => id === runId)?.filter ?? '')),
        () => false,
      );
      runs.finish(runId, number, toRuns(await endFlows(flows, 0, true)));
    }
    return { state: State.STATE_DONE, detail: 'The agent was interrupted. It completed the sweep that had started, and started no other.' };
  } catch (error) {
    return { state: State.STATE_INDETERMINATE, reason: codeOf(error), detail: (error as Error).message };
  }
}

/** The flows that match now and are not protected; those beyond `most` are only counted. */
export async function freeze(
  { table, context }: Pick<RunHands, 'table' | 'context'>,
  filter: FlowFilter,
  most: number,
): Promise<{ flows: Flow[]; matched: number }> {
  const flows: Flow[] = [];
  let matched = 0;
  for await (const batch of table.collect({ filter, context: context() })) {
    const free = batch.filter((flow) => flow.protectedBy === undefined);
    for (const flow of free.slice(0, Math.max(0, most - matched))) flows.push(flow);
    matched += free.length;
  }
  return { flows, matched };
}

/** `limits`: the tenant's, for what no second person has approved; the guard applies them to all sweeps and runs together. */
async function allow(
  { table, guard }: RunHands,
  { method }: Ending,
  ask: ReturnType<typeof askOf>,
  { limits, isRepeated = false }: { limits?: OnePersonLimits; isRepeated?: boolean },
): Promise<void> {
  guard.allow({ by: 'remediation', method, ...ask, tableCount: await table.count(), limits, isRepeated });
}

function askOf(flows: readonly Flow[]): { flows: number; stale: number } {
  return { flows: flows.length, stale: flows.filter(isStale).length };
}

/** How the flows of a sweep are ended and verified. Throws what endBy throws. */
async function endingBy(
  { table, refusals, clock, context }: RunHands,
  { method, forSeconds }: Ending,
  block: OneBlock | undefined,
  isStopped: () => boolean,
): Promise<(flows: FlowList, verifyAfterMs: number, isRepeated: boolean) => Promise<Outcome[]>> {
  const end = await endBy(method, forSeconds, { table, refusals, block, clock, context, isStopped });
  return async (flows, verifyAfterMs, isRepeated) => {
    await block?.blocks.begin(block);
    return runPlan(table, clock, {
      flows,
      end,
      inBatches: method !== Method.METHOD_RESET,
      context,
      isStopped,
      verifyAfterMs,
      isRepeated,
      onProgress: () => undefined,
    });
  };
}

/** The block that a run starts under its own id; undefined for other methods. Throws FILTER_NOT_OF_PACKETS. */
function blockOf({ blocks }: RunHands, { method, forSeconds }: Ending, id: string, filter: FlowFilter): OneBlock | undefined {
  return method === Method.METHOD_BLOCK && blocks
    ? { blocks, id, planId: '', refused: refusedBy(filter, forSeconds ?? DEFAULT_SECONDS[method]) }
    : undefined;
}

/** Parses the stored filter of an interrupted run. Throws FILTER_UNPARSABLE. */
function filterOf(text: string): FlowFilter {
  const parsed = parseFilter(text);
  if ('problem' in parsed) throw new FleetError('FILTER_UNPARSABLE', parsed.problem.message);
  return parsed.filter;
}

function finish({ runs, clock, log }: RunHands, head: RunHead): void {
  const sweeps: RemediationRun['sweeps'] = runs.finished(head.id);
  const interrupted = runs.interrupted(head.id);
  if (interrupted)
    sweeps.push({
      number: interrupted.number,
      flows: [],
      runs: [{ outcome: Outcome.OUTCOME_INDETERMINATE, count: interrupted.flows.count }],
    });
  runs.keep({ ...head, sweeps, finishedAtMs: BigInt(clock.now()) });
  log.info(
    {
      run: head.id,
      remediation: head.remediationId,
      trigger: head.trigger,
      matched: head.matched,
      sweeps: sweeps.length,
      reason: head.reason,
    },
    'a remediation ran',
  );
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof FleetError ? error.code : 'INTERNAL';
}
