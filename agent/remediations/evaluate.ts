import { v7 } from 'uuid';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun_State as State } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { fillFilter } from '../../proto/model/filter/template.ts';
import { mostOf, whyNotNow, whyTooMany } from '../../proto/model/remediation-limits.ts';
import { toWireMethod } from '../../proto/wire/method.ts';
import { isStale } from '../operations/lately.ts';
import type { Firing } from './firings.ts';
import type { GatewayRemediation, RefusedRemediation } from './remediation-set.ts';
import type { RunHead } from './run-parts.ts';
import { carryOut, freeze, type RunHands } from './run.ts';
import { isAboutTable } from '../../proto/model/triggers.ts';

/** Most flows named in a report of a check that touched nothing. */
const MAX_SHOWN = 1000;

/** Why something was not done, as reported. */
export interface Refusal {
  code: ErrorCode;
  detail: string;
  matched?: number;
}

/** The result of one check. The caller reports a refusal, unless it has done so already. */
export type LookResult = { kind: 'nothing' } | { kind: 'reported'; runId: string } | ({ kind: 'refused' } & Refusal);

type About = Pick<Firing, 'words' | 'wan' | 'address' | 'sinceMs'>;

/**
 * Checks once for the flows that a remediation is about. In mode `auto` they are ended unless a limit or the guard forbids it; in other
 * modes they are only reported. Throws what the file system throws: without a journal nothing is touched.
 * @param mayGoOn checked before each further sweep
 */
export async function look(hands: RunHands, remediation: GatewayRemediation, about: About, mayGoOn: () => boolean): Promise<LookResult> {
  const { table, history, clock } = hands;
  const { mode, limits, filter: text, method, trigger } = remediation.document;
  const filled = fillFilter(text, about);
  if ('problem' in filled) return { kind: 'refused', code: 'FILTER_UNPARSABLE', detail: filled.problem.message };
  const { flows, matched } = await freeze(hands, filled.filter, mode === 'auto' ? limits.maxFlows : MAX_SHOWN);
  // A block also refuses what has no flow yet.
  if (matched === 0 && !(mode === 'auto' && method === 'block')) return { kind: 'nothing' };
  const head: RunHead = { ...headOf(remediation, about, clock.now()), matched, filter: filled.text };
  if (mode !== 'auto') {
    hands.runs.show(head.id, 1, flows);
    hands.runs.keep({
      ...head,
      state: mode === 'observe' ? State.STATE_OBSERVED : State.STATE_SUGGESTED,
      sweeps: [{ number: 1, flows: [], runs: [] }],
      finishedAtMs: BigInt(clock.now()),
    });
    return { kind: 'reported', runId: head.id };
  }
  const tableCount = await table.count();
  // Ending any part of them makes room, and a full table needs it most: take what the limits allow instead of refusing.
  const chosen = isAboutTable(trigger.kind) ? longestIdle(flows, mostOf(limits, tableCount)) : flows;
  const part = { flows: chosen === flows ? matched : chosen.length, stale: chosen.filter(isStale).length, tableCount };
  const limit = whyNotNow(limits, history.of(remediation.id), clock.now()) ?? whyTooMany(limits, [part]);
  if (limit) return { kind: 'refused', matched, code: limit.code, detail: sentence(limit.why) };
  try {
    return {
      kind: 'reported',
      runId: await carryOut(hands, { remediation, head, filter: filled.filter, flows: chosen, isPart: chosen !== flows, mayGoOn }),
    };
  } catch (error) {
    if (error instanceof FleetError) return { kind: 'refused', matched, code: error.code, detail: error.message };
    throw error;
  }
}

/** Stores a report that a remediation was refused or found nothing to do. Returns the run's id. */
export function reportUntouched(
  { runs, clock }: Pick<RunHands, 'runs' | 'clock'>,
  remediation: GatewayRemediation,
  about: About,
  why: Refusal | 'nothing',
): string {
  const head = headOf(remediation, about, clock.now());
  const end: Partial<RunHead> =
    why === 'nothing'
      ? { state: remediation.document.mode === 'auto' ? State.STATE_DONE : State.STATE_OBSERVED, detail: 'Nothing matched.' }
      : { state: State.STATE_REFUSED, reason: why.code, detail: why.detail, matched: why.matched ?? 0 };
  runs.keep({ ...head, ...end, finishedAtMs: BigInt(clock.now()) });
  return head.id;
}

/** Stores a report that a remediation is never run here. Returns the run's id. */
export function reportNotUnderstood({ runs, clock }: Pick<RunHands, 'runs' | 'clock'>, { id, revision, why }: RefusedRemediation): string {
  const atMs = BigInt(clock.now());
  const run: RunHead = {
    id: v7(),
    remediationId: id,
    revision,
    state: State.STATE_REFUSED,
    trigger: 'it was sent to this gateway',
    wan: undefined,
    triggeredAtMs: atMs,
    startedAtMs: undefined,
    finishedAtMs: atMs,
    reason: 'CAPABILITY_MISSING',
    detail: `This agent does not understand it, and does not run it: ${why}.`,
    matched: 0,
    filter: '',
    method: Method.METHOD_UNSPECIFIED,
    sweeps: [],
  };
  runs.keep(run);
  return run.id;
}

/** At most `most` flows, longest idle first and those of unknown idle time last; the same list where all fit. */
function longestIdle(flows: Flow[], most: number): Flow[] {
  const idleOf = ({ idleSeconds, idleBounds }: Flow): number => idleSeconds ?? idleBounds?.atLeast ?? 0;
  return flows.length <= most ? flows : flows.toSorted((a, b) => idleOf(b) - idleOf(a)).slice(0, most);
}

function sentence(why: string): string {
  return `${why[0]!.toUpperCase()}${why.slice(1)}.`;
}

/** A run's head before its outcome is known. */
function headOf(
  { id, revision, document: { filter, method } }: GatewayRemediation,
  { words, wan, sinceMs }: About,
  nowMs: number,
): RunHead {
  return {
    id: v7(),
    remediationId: id,
    revision,
    state: State.STATE_INDETERMINATE,
    trigger: words,
    wan,
    triggeredAtMs: BigInt(sinceMs),
    startedAtMs: BigInt(nowMs),
    finishedAtMs: undefined,
    reason: '',
    detail: '',
    matched: 0,
    filter,
    method: toWireMethod(method),
    sweeps: [],
  };
}
