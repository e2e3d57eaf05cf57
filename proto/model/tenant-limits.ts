/** What one person may end alone in a tenant; an absent field means no limit of that kind. */
export interface OnePersonLimits {
  flows?: number;
  percentOfTable?: number;
}

/** Limits apply to everything ended within this time, so that many small steps cannot get around them. */
export const LIMITS_WINDOW_MS = 10 * 60_000;

/** A large share of a small table is still few flows: an ordinary failover moves half of one. */
export const FEW_FLOWS = 1000;

/** Flows about to be ended: `flows` of a table of `tableCount` entries, after `before` of the same table within the window. */
export interface Share {
  flows: number;
  before?: number;
  tableCount?: number;
}

/** Why the total is more than one person may end, as text; undefined if it is not. */
export function whyTooManyFlows(limits: OnePersonLimits, { flows, before = 0 }: Share): string | undefined {
  const isBeyond = limits.flows !== undefined && flows + before > limits.flows;
  return isBeyond ? `${flows} flows${sinceWords(before)} are more than the ${limits.flows} that one person may end` : undefined;
}

/** Why they are too large a share of one gateway's table, as text; undefined if they are not. A table of unknown size counts as small. */
export function whyTooLargeShare(limits: OnePersonLimits, { flows, before = 0, tableCount = 0 }: Share): string | undefined {
  const all = flows + before;
  const { percentOfTable: percent } = limits;
  const isBeyond = percent !== undefined && all > FEW_FLOWS && all * 100 > (tableCount + before) * percent;
  return isBeyond ? `${flows} flows${sinceWords(before)} are more than the ${percent} % of a table that one person may end` : undefined;
}

function sinceWords(before: number): string {
  return before > 0 ? `, with the ${before} of the last ten minutes,` : '';
}
