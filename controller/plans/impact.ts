import type { z } from 'zod';
import { Impact_Fate, type Impact as WireImpact } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { impact } from '../../proto/http/plans.ts';
import { toFlowView } from '../flows/flow-view.ts';
import { flowFrom } from '../flows/untrusted-flow.ts';
import { countsFrom, rateFrom, textFrom } from '../platform/untrusted.ts';

export type Impact = z.output<typeof impact>;
const TOP = 10;
const OLDEST = 5;
/** Names of one gateway's counts, and sentences of its predictions; an honest one has fewer. */
const MAX_NAMES = 200;
const MAX_WHY = 500;

/** What a plan would break on all its gateways together. */
export function mergeImpact(gateways: { gatewayId: string; impact: WireImpact }[]): Impact {
  const parts = gateways.map(({ impact: part }) => part);
  const sum = (key: 'matched' | 'protected' | 'assured' | 'unreplied' | 'natted' | 'active' | 'idle' | 'unknownActivity'): number =>
    parts.reduce((total, part) => total + part[key], 0);
  return {
    matched: sum('matched'),
    protected: sum('protected'),
    assured: sum('assured'),
    unreplied: sum('unreplied'),
    natted: sum('natted'),
    active: sum('active'),
    idle: sum('idle'),
    unknownActivity: sum('unknownActivity'),
    byProto: addCounts(parts.map((part) => part.byProto)),
    byState: addCounts(parts.map((part) => part.byState)),
    byWan: addCounts(parts.map((part) => part.byWan)),
    protectedBy: addCounts(parts.map((part) => part.protectedBy)),
    topSources: addTop(parts.map((part) => part.topSources)),
    topDestinations: addTop(parts.map((part) => part.topDestinations)),
    rateBitsPerSecond: addRates(parts),
    longestLived: oldest(gateways),
    predictions: addPredictions(parts),
  };
}

/** Of a part that matched nothing the rate is nothing; unknown in one makes the sum unknown. */
function addRates(parts: WireImpact[]): number | undefined {
  const rates = parts.filter((part) => part.matched > 0).map((part) => rateFrom(part.rateBitsPerSecond));
  return rates.length === 0
    ? undefined
    : rates.reduce((sum, rate) => (sum === undefined || rate === undefined ? undefined : sum + rate), 0);
}

function oldest(gateways: { gatewayId: string; impact: WireImpact }[]): Impact['longestLived'] {
  const flows = gateways.flatMap(({ gatewayId, impact: part }) =>
    part.longestLived.slice(0, OLDEST).map((flow) => ({ gatewayId, flow: flowFrom(flow) })),
  );
  return flows
    .toSorted((a, b) => (a.flow.startedAtMs ?? Infinity) - (b.flow.startedAtMs ?? Infinity))
    .slice(0, OLDEST)
    .map(({ gatewayId, flow }) => toFlowView(flow, gatewayId));
}

const FATES: Partial<Record<Impact_Fate, Impact['predictions'][number]['fate']>> = {
  [Impact_Fate.FATE_RECONNECTS]: 'reconnects',
  [Impact_Fate.FATE_BREAKS]: 'breaks',
  [Impact_Fate.FATE_HANGS]: 'hangs',
};

/** Those of the same fate for the same reason are one; the most flows come first. */
function addPredictions(parts: WireImpact[]): Impact['predictions'] {
  const sums = new Map<string, Impact['predictions'][number]>();
  for (const { fate, flows, why: said } of parts.flatMap((part) => part.predictions.slice(0, MAX_NAMES))) {
    const why = textFrom(said, MAX_WHY);
    const word = FATES[fate] ?? 'unknown';
    const key = `${word} ${why}`;
    sums.set(key, { fate: word, why, flows: (sums.get(key)?.flows ?? 0) + flows });
  }
  return [...sums.values()].toSorted((a, b) => b.flows - a.flows);
}

function addCounts(parts: Record<string, number>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const part of parts)
    for (const [name, flows] of Object.entries(countsFrom(part, MAX_NAMES))) sums.set(name, (sums.get(name) ?? 0) + flows);
  return Object.fromEntries(sums);
}

function addTop(parts: { name: string; flows: number }[][]): { name: string; flows: number }[] {
  const counts = addCounts(parts.map((part) => Object.fromEntries(part.slice(0, MAX_NAMES).map(({ name, flows }) => [name, flows]))));
  return Object.entries(counts)
    .map(([name, flows]) => ({ name, flows }))
    .sort((a, b) => b.flows - a.flows || (a.name < b.name ? -1 : 1))
    .slice(0, TOP);
}
