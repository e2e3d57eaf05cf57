import type { z } from 'zod';
import { RETRIABLE_STATES, type Flush, type flushEvent, type flushTarget } from '../../proto/http/flushes.ts';
import { count, counted } from './format.ts';
import type { StateKind } from './state-kind.ts';

export type Target = z.output<typeof flushTarget>;
type FlushHead = Omit<Flush, 'targets'>;

/** Target states: rank puts trouble first, then running, waiting, verified; partial and reappeared are never green. */
export const TARGETS: Record<Target['state'], { rank: number; kind: StateKind }> = {
  failed: { rank: 0, kind: 'failed' },
  offline: { rank: 1, kind: 'failed' },
  expired: { rank: 2, kind: 'failed' },
  indeterminate: { rank: 3, kind: 'partial' },
  partial: { rank: 4, kind: 'partial' },
  reappeared: { rank: 5, kind: 'reappeared' },
  running: { rank: 6, kind: 'running' },
  verifying: { rank: 7, kind: 'verifying' },
  waiting: { rank: 8, kind: 'waiting' },
  skipped: { rank: 9, kind: 'never' },
  cancelled: { rank: 10, kind: 'never' },
  verified: { rank: 11, kind: 'ok' },
};

/** What a flush's own state looks like. */
export const FLUSHES: Record<Flush['state'], StateKind> = {
  running: 'running',
  verified: 'ok',
  partial: 'partial',
  failed: 'failed',
  cancelled: 'never',
  stopped: 'partial',
};

export function inOrder(targets: Target[]): Target[] {
  return targets.toSorted((a, b) => TARGETS[a.state].rank - TARGETS[b.state].rank || a.gatewayName.localeCompare(b.gatewayName));
}

/** The word of a target's state, with the number that matters in it. */
export function targetWord({ state, done, totals }: Target): string {
  if (state === 'running') return `running ${count(done)}/${count(totals.planned)}`;
  if (state === 'reappeared') return `reappeared ${count(totals.reappeared)}`;
  if (state === 'indeterminate') return `indeterminate ${count(totals.indeterminate)}`;
  return state;
}

/** What a method has done to a flow. */
const DONE: Record<Flush['method'], string> = { delete: 'deleted', reset: 'reset', block: 'blocked', expire: 'set to end' };

/** The word for what this flush does to each flow. */
export function doneWord({ kind, method }: Pick<Flush, 'kind' | 'method'>): string {
  return kind === 'undo' ? 'put back' : DONE[method];
}

/** How many flows are done, by whatever way; a reset deletes what stays silent. */
export function doneOf({ deleted, reset, blocked, expiring, restored }: Flush['totals']): number {
  return deleted + reset + blocked + expiring + restored;
}

/** The page's answer: never a word of success without its numbers. */
export function flushSentence(flush: Pick<FlushHead, 'state' | 'totals' | 'kind' | 'method'>): string {
  if (flush.method === 'block' && flush.totals.planned === 0 && flush.state === 'verified') return 'Blocked and verified: no flow was open';
  const done = `${count(doneOf(flush.totals))} of ${counted(flush.totals.planned, 'flow')} ${doneWord(flush)}`;
  switch (flush.state) {
    case 'running':
      return `${done} so far`;
    case 'verified':
      return `${done} and verified`;
    case 'cancelled':
      return `Stopped: ${done}`;
    case 'failed':
      return `Failed: ${done}`;
    case 'partial':
      return `Partial: ${done}`;
    case 'stopped':
      return `Held back: ${done}`;
  }
}

/**
 * What proves a block, over all its gateways: packets that were seen to be refused, or that none came; undefined of other ways, and while
 * it is not known.
 */
export function blockedSentence({ targets }: Pick<Flush, 'targets'>): string | undefined {
  const known = targets.flatMap(({ blocked }) => (blocked ? [blocked] : []));
  if (known.length === 0) return undefined;
  const packets = known.reduce((sum, { packetsRefused }) => sum + Number(packetsRefused), 0);
  return packets === 0
    ? 'Blocked; nothing had come when the gateways looked again.'
    : `Blocked; ${packets === 1 ? '1 packet was' : `${count(packets)} packets were`} refused when the gateways looked again.`;
}

/** What did not go as planned, where, in words; undefined if all did. */
export function troubleSentence({ totals, targets, stopReason }: Flush): string | undefined {
  const at = (picked: Target[]) =>
    picked.length === 0 ? '' : picked.length === 1 ? ` at ${picked[0]!.gatewayName}` : ` on ${counted(picked.length, 'gateway')}`;
  const leftAlone =
    totals.cancelled +
    targets.filter(({ state }) => state === 'cancelled' || state === 'skipped').reduce((sum, target) => sum + untouched(target), 0);
  const parts = [
    stopReason,
    totals.reappeared > 0 && `${count(totals.reappeared)} reappeared${at(targets.filter((target) => target.totals.reappeared > 0))}`,
    totals.indeterminate > 0 &&
      `${count(totals.indeterminate)} ${totals.indeterminate === 1 ? 'is' : 'are'} indeterminate${at(targets.filter((target) => target.totals.indeterminate > 0))}`,
    totals.failed > 0 && `${count(totals.failed)} failed${at(targets.filter((target) => target.totals.failed > 0))}`,
    totals.occupied > 0 && `${count(totals.occupied)} not put back, because traffic had recreated them`,
    leftAlone > 0 && `${count(leftAlone)} left alone`,
    totals.gone > 0 && `${count(totals.gone)} had ended by themselves`,
    ...targets
      .filter(({ state }) => state === 'offline' || state === 'expired')
      .map(({ gatewayName, state }) => `${gatewayName} ${state === 'offline' ? 'is offline' : 'did not begin in time'}`),
  ].filter((part) => typeof part === 'string');
  return parts.length === 0 ? undefined : `${parts.join(', ')}.`;
}

export interface Segment {
  name: string;
  flows: number;
  tone: 'green' | 'blue' | 'grey' | 'amber' | 'red' | 'waiting' | 'offline';
}

/**
 * The parts of the total bar; they add up to the planned count. What is done counts as verified only on gateways that finished their
 * verification.
 */
export function segments(flush: Flush): Segment[] {
  const { totals, targets } = flush;
  const sum = (picked: Target[], of: (target: Target) => number) => picked.reduce((total, target) => total + of(target), 0);
  const isChecked = ({ state }: Target) => !['running', 'verifying', 'waiting'].includes(state);
  const verified = sum(targets.filter(isChecked), (target) => doneOf(target.totals));
  const unverified = doneOf(totals) - verified;
  const offline = sum(
    targets.filter(({ state }) => state === 'offline' || state === 'expired'),
    untouched,
  );
  const notBegun = sum(
    targets.filter(({ state }) => state === 'cancelled' || state === 'skipped'),
    untouched,
  );
  const word = doneWord(flush);
  const parts: Segment[] = [
    { name: `${word} and verified`, flows: verified, tone: 'green' },
    { name: `${word}, not verified yet`, flows: unverified, tone: 'blue' },
    { name: 'gone already', flows: totals.gone, tone: 'grey' },
    { name: 'protected', flows: totals.protected, tone: 'grey' },
    { name: 'recreated by traffic', flows: totals.occupied, tone: 'amber' },
    { name: 'reappeared', flows: totals.reappeared, tone: 'amber' },
    { name: 'indeterminate', flows: totals.indeterminate, tone: 'amber' },
    { name: 'failed', flows: totals.failed, tone: 'red' },
    { name: 'waiting', flows: Math.max(0, sum(targets, untouched) - offline - notBegun), tone: 'waiting' },
    { name: 'offline', flows: offline, tone: 'offline' },
    { name: 'left alone', flows: notBegun + totals.cancelled, tone: 'offline' },
  ];
  return parts.filter(({ flows }) => flows > 0);
}

/** A flush with one event of its stream taken in. */
export function withEvent(before: Flush | undefined, event: z.output<typeof flushEvent>): Flush | undefined {
  if (event.kind === 'flush') return event.flush;
  if (!before) return undefined;
  const targets = before.targets.map((target) => (target.gatewayId === event.target.gatewayId ? event.target : target));
  const wave = event.target.state === 'waiting' ? before.wave : Math.max(before.wave, event.target.wave);
  return { ...before, state: event.state, totals: event.totals, targets, wave };
}

/** Flows of a target of which nothing is known yet. */
function untouched({ totals }: Target): number {
  return Math.max(
    0,
    totals.planned -
      doneOf(totals) -
      totals.gone -
      totals.protected -
      totals.reappeared -
      totals.failed -
      totals.indeterminate -
      totals.occupied -
      totals.cancelled,
  );
}

/** Gateways that a retry would plan for again: those that failed, or were not reached. */
export function retriable({ kind, state, targets }: Pick<Flush, 'kind' | 'state' | 'targets'>): Target[] {
  return kind === 'undo' || state === 'running' ? [] : targets.filter((target) => RETRIABLE_STATES.has(target.state));
}

/** Seconds in which it can still be undone; undefined where it cannot. */
export function undoSeconds(
  { kind, state, undoUntil, undoneBy }: Pick<Flush, 'kind' | 'state' | 'undoUntil' | 'undoneBy'>,
  nowMs: number,
): number | undefined {
  const left = undoUntil === undefined ? 0 : (Date.parse(undoUntil) - nowMs) / 1000;
  return kind === 'run' && state !== 'running' && undoneBy === undefined && left > 0 ? left : undefined;
}

/** In place of the flows of a plan that are past the time for which they are kept. */
export function droppedWords(at: string): string {
  return `The flows were dropped by retention on ${at}. The plan, its digest, its numbers and its outcome stay.`;
}
