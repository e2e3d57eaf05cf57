import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';

/** One reading of a table's counters; `drop` since boot, summed over all CPUs. */
export interface TableReading {
  atMs: number;
  count: number;
  max?: number;
  drop?: number;
}

/**
 * Below this share of the maximum something else dropped the packets. Entries end while others are refused, so a full table is seldom seen
 * at its maximum.
 */
const FULL = 0.95;
/** Share of the maximum that one emergency may delete. */
const MOST = 0.05;
/** The least time between two emergencies: long enough to alert an operator, and for the freed space to be used up. */
export const COOL_DOWN_MS = 60_000;

/** TCP states of connections that have ended or are ending, the furthest ended first. */
const ENDING = ['TIME_WAIT', 'CLOSE', 'LAST_ACK', 'FIN_WAIT'] as const;

const ENDING_FILTERS = ENDING.map((state): FlowFilter => ({
  kind: 'term',
  field: 'state',
  match: { kind: 'glob', pattern: state.toLowerCase().replace('_', '-') },
}));

/** What an emergency may delete, in this order; within each the longest idle first. No flow matches two of them. */
export const SPARABLE: readonly FlowFilter[] = [
  ...ENDING_FILTERS,
  {
    kind: 'and',
    operands: [status('unreplied'), { kind: 'not', operand: { kind: 'or', operands: [status('assured'), ...ENDING_FILTERS] } }],
  },
];

/**
 * How many flows an emergency may delete now; 0 unless the table is full and has dropped packets since the previous reading, and the last
 * emergency is longer ago than the cool-down.
 */
export function mostToSpare(before: TableReading | undefined, now: TableReading, lastEmergencyAtMs: number | undefined): number {
  if (now.max === undefined || now.count < now.max * FULL) return 0;
  if (before?.drop === undefined || now.drop === undefined || now.drop <= before.drop) return 0;
  // An emergency in the future dates from before the gateway's clock was set back.
  if (lastEmergencyAtMs !== undefined && lastEmergencyAtMs <= now.atMs && now.atMs - lastEmergencyAtMs < COOL_DOWN_MS) return 0;
  return Math.floor(now.max * MOST);
}

/** The final check of each flow found: not protected, and ending or never answered. */
export function maySpare({ protectedBy, state, status }: Flow): boolean {
  if (protectedBy !== undefined) return false;
  return ENDING.some((one) => one === state) || !(status & (IPS.SEEN_REPLY | IPS.ASSURED));
}

function status(word: string): FlowFilter {
  return { kind: 'term', field: 'status', match: { kind: 'glob', pattern: word } };
}
