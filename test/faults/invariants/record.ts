import { isDeepStrictEqual } from 'node:util';
import { firstBreak } from '../../../controller/audit/chain.ts';
import type { Claims, CommandRecord, Deed } from '../history.ts';
import { changedBy, wasCloned, wasForgotten, type Breach, type Evidence } from './evidence.ts';

/** These say that somebody decided on a flush, or on a part of it. */
const DECISIONS = new Set(['flush.started', 'flush.undo-started', 'flush.wave-begun']);
/** Ends that only the controller knows about; the gateway's own report may come later. */
const PROVISIONAL = new Set(['indeterminate', 'expired']);

/** I5: the decision is in the record before the table changes. */
export function* decisionsComeFirst(evidence: Evidence): Generator<Breach> {
  const { history, attemptsOf, attempts, commands } = evidence;
  for (const { commandId, atMs } of attempts) {
    if (commandId !== undefined && !commands.has(commandId) && !wasForgotten(evidence, atMs))
      yield { subject: commandId, what: 'it changed a table, and nobody knows of it' };
  }
  const decidedAt = new Map<string, number>();
  for (const { action, chain, flushId, at } of history.audit) {
    const key = `${chain} ${flushId}`;
    if (flushId !== undefined && DECISIONS.has(action)) decidedAt.set(key, Math.min(decidedAt.get(key) ?? Infinity, Date.parse(at)));
  }
  for (const { id, tenantId, flushId } of history.commands) {
    const first = attemptsOf.get(id)?.[0];
    if (!first) continue;
    const atMs = decidedAt.get(`${tenantId} ${flushId}`);
    if (atMs === undefined) yield { subject: id, what: 'it changed a table, and no decision is on record' };
    else if (atMs > first.atMs) yield { subject: id, what: `it changed a table ${first.atMs - atMs} ms before its decision was on record` };
  }
}

/** I9: every chain is intact, every end is recorded once, and what is claimed is what tables saw. */
export function* recordIsTrue(evidence: Evidence): Generator<Breach> {
  const { history, deeds } = evidence;
  for (const [chain, entries] of Map.groupBy(history.audit, (entry) => entry.chain)) {
    const found = firstBreak(entries.toSorted((a, b) => a.seq - b.seq));
    if (found) yield { subject: chain, what: `entry ${found.seq} of the chain: ${found.why}` };
  }
  const ends = Map.groupBy(
    history.audit.filter(({ action, detail }) => action === 'flush.target-finished' && !PROVISIONAL.has(String(detail.state))),
    ({ detail }) => detail.commandId,
  );
  for (const command of history.commands) {
    const count = ends.get(command.id)?.length ?? 0;
    if (command.state === 'finished' && count !== 1 && !(count === 0 && isProvisional(evidence, command)))
      yield { subject: command.id, what: `its end is recorded ${count} times` };
    const target = evidence.flushes.get(command.flushId)?.targets.find(({ gatewayId }) => gatewayId === command.gatewayId);
    if (target && command.state === 'finished' && !wasCloned(evidence, command.gatewayId, command.createdAtMs, command.notAfterMs))
      yield* claimAgainstTable(evidence, command, target);
  }
  for (const own of deeds.values()) yield* whatWasSaid(evidence, own);
}

/**
 * A result that was sent once never changes. Where the gateway's disk did not record what it did, a crash may make it look again, or be
 * asked again: then the last one counts.
 */
function* whatWasSaid(evidence: Evidence, deeds: readonly Deed[]): Generator<Breach> {
  const unwritten = new Set(deeds.flatMap((deed) => (deed.kind === 'unwritten' ? [deed.commandId] : [])));
  const said = new Map<string, Claims>();
  for (const deed of deeds) {
    if (deed.kind !== 'said' || !evidence.commands.has(deed.commandId)) continue;
    const before = said.get(deed.commandId);
    if (before && !unwritten.has(deed.commandId) && !isDeepStrictEqual(before, deed.claims))
      yield { subject: deed.commandId, what: 'its result was repeated with a different content' };
    said.set(deed.commandId, deed.claims);
  }
  for (const [id, claims] of said) yield* claimAgainstTable(evidence, evidence.commands.get(id)!, claims);
}

/** A gateway may itself say that it does not know, or that it was too late. */
function isProvisional({ flushes }: Evidence, { flushId, gatewayId }: CommandRecord): boolean {
  return PROVISIONAL.has(flushes.get(flushId)?.targets.find((target) => target.gatewayId === gatewayId)?.state ?? '');
}

/** Exactly what was claimed, or up to what is reported as unknown. */
function* claimAgainstTable(
  evidence: Evidence,
  { id, undoOf }: CommandRecord,
  { deleted, reappeared, restored, indeterminate }: Claims,
): Generator<Breach> {
  const seen = changedBy(evidence, id, undoOf === undefined ? 'delete' : 'restore').length;
  const claimed = undoOf === undefined ? deleted + reappeared : restored;
  if (seen < claimed || seen > claimed + indeterminate)
    yield {
      subject: id,
      what: `${claimed} flows are claimed${indeterminate > 0 ? ` and up to ${indeterminate} more` : ''}, and the table saw ${seen}`,
    };
}

/** I12: no point in a history without a look at the table in its time. */
export function* gapsAreGaps(evidence: Evidence): Generator<Breach> {
  const { history, deeds } = evidence;
  for (const { gatewayId, fromMs, toMs } of history.points) {
    if (wasCloned(evidence, gatewayId, fromMs, toMs)) continue;
    const hasLooked = (deeds.get(gatewayId) ?? []).some((deed) => deed.kind === 'sampled' && deed.atMs >= fromMs && deed.atMs < toMs);
    if (!hasLooked) yield { subject: gatewayId, what: `its history has a point at ${new Date(fromMs).toISOString()}, when nobody looked` };
  }
}
