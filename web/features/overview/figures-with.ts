import type { Overview } from '../../../proto/http/overview.ts';
import { WHYS } from '../../../proto/model/attention.ts';
import type { FleetFigures } from '../../../proto/model/fleet-figures.ts';
import { needsOf, type Need, type StaleCounts } from '../gateways/need.ts';

/** The fleet in figures, and its gateways that need attention as far as the controller names them. */
export interface CurrentFigures {
  figures: FleetFigures;
  /** Most urgent first. */
  needs: Need[];
  /** Of the whole fleet in scope, with those that are not named. */
  total: number;
}

/**
 * What the controller computed, with what gateways themselves count as stuck: those that were asked are counted by their answer, and all
 * others stay as they are.
 */
export function figuresWith({ figures, rows }: Pick<Overview, 'figures' | 'rows'>, nowMs: number, stale: StaleCounts): CurrentFigures {
  const before = needsOf(rows, nowMs);
  const needs = needsOf(rows, nowMs, stale);
  const counts = { ...figures.needs };
  for (const { why } of before) counts[why] -= 1;
  for (const { why } of needs) counts[why] += 1;
  return {
    figures: { ...figures, needs: counts, stuckFlows: figures.stuckFlows - flowsOf(before) + flowsOf(needs) },
    needs,
    total: WHYS.reduce((sum, why) => sum + counts[why], 0),
  };
}

function flowsOf(needs: Need[]): number {
  return needs.reduce((sum, { flows = 0 }) => sum + flows, 0);
}
