import type { CameBack } from '../../proto/http/wan-events.ts';
import { FLOW_KINDS, type FlowKinds } from '../../proto/model/wan-event.ts';

const MAX_MISSED = 20;

/** Of several gateways together; undefined if none told it. */
export function sumOfCameBack(parts: readonly CameBack[]): CameBack | undefined {
  const [first] = parts;
  if (!first) return undefined;
  const byWan = new Map<string, number>();
  for (const part of parts) for (const [wan, flows] of Object.entries(part.byWan)) byWan.set(wan, (byWan.get(wan) ?? 0) + flows);
  return {
    since: parts.reduce((earliest, { since }) => (since < earliest ? since : earliest), first.since),
    watchedAt: parts.reduce((latest, { watchedAt }) => (watchedAt > latest ? watchedAt : latest), first.watchedAt),
    isFinal: parts.every(({ isFinal }) => isFinal),
    ended: sumOf(parts.map(({ ended }) => ended)),
    back: sumOf(parts.map(({ back }) => back)),
    answered: sumOf(parts.map(({ answered }) => answered)),
    byWan: Object.fromEntries(byWan),
    notWatched: parts.reduce((sum, { notWatched }) => sum + notWatched, 0),
    missed: parts.flatMap(({ missed }) => missed).slice(0, MAX_MISSED),
  };
}

function sumOf(parts: readonly FlowKinds[]): FlowKinds {
  return Object.fromEntries(FLOW_KINDS.map((kind) => [kind, parts.reduce((sum, part) => sum + part[kind], 0)])) as FlowKinds;
}
