import type { z } from 'zod';
import type { Impact as WireImpact } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { impact } from '../../proto/http/plans.ts';

export type Impact = z.output<typeof impact>;
const TOP = 10;

/** What a plan would break on all its gateways together. */
export function mergeImpact(parts: WireImpact[]): Impact {
  const sum = (key: 'matched' | 'protected' | 'assured' | 'unreplied' | 'natted' | 'active' | 'idle' | 'unknownActivity'): number => parts.reduce((total, part) => total + part[key], 0);
  return {
    matched: sum('matched'), protected: sum('protected'), assured: sum('assured'), unreplied: sum('unreplied'), natted: sum('natted'),
    active: sum('active'), idle: sum('idle'), unknownActivity: sum('unknownActivity'),
    byProto: addCounts(parts.map((part) => part.byProto)),
    byState: addCounts(parts.map((part) => part.byState)),
    byWan: addCounts(parts.map((part) => part.byWan)),
    protectedBy: addCounts(parts.map((part) => part.protectedBy)),
    topSources: addTop(parts.map((part) => part.topSources)),
    topDestinations: addTop(parts.map((part) => part.topDestinations)),
  };
}

function addCounts(parts: Record<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const part of parts) for (const [name, flows] of Object.entries(part)) sums[name] = (sums[name] ?? 0) + flows;
  return sums;
}

function addTop(parts: { name: string; flows: number }[][]): { name: string; flows: number }[] {
  const counts = addCounts(parts.map((part) => Object.fromEntries(part.map(({ name, flows }) => [name, flows]))));
  return Object.entries(counts).map(([name, flows]) => ({ name, flows })).sort((a, b) => b.flows - a.flows || (a.name < b.name ? -1 : 1)).slice(0, TOP);
}
