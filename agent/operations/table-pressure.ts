import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';

/** A look at the counters of a table; `drop` since boot, of all CPUs. */
export interface TableReading {
  atMs: number;
  count: number;
  max?: number;
  drop?: number;
}

/**
 * Below this much of the maximum something else dropped the packets: entries end while others are refused, so that a full table is seldom
 * seen at its maximum.
 */
const FULL = 0.95;
/** The most of the maximum that one emergency may delete. */
const MOST = 0.05;
/** The least time between two: long enough for an operator's alert, and for what was freed to be used up. */
export const COOL_DOWN_MS = 60_000;

/** TCP states of connections that are over or ending, the most over first. */
const ENDING = ['TIME_WAIT', 'CLOSE', 'LAST_ACK', 'FIN_WAIT'] as const;

const ENDING_FILTERS = ENDING.map((state): FlowFilter => ({
  kind: 'term',
  field: 'state',
  match: { kind: 'glob', pattern: state.toLowerCase().replace('_', '-') },
}));

/** What an emergency may take, in this order; within each the longest idle first. No flow is in two of them. */
export const SPARABLE: readonly FlowFilter[] = [
  ...ENDING_FILTERS,
  {
    kind: 'and',
    operands: [status('unreplied'), { kind: 'not', operand: { kind: 'or', operands: [status('assured'), ...ENDING_FILTERS] } }],
  },
];

/**
 * How many flows an emergency may delete now; 0 unless the table is full and has dropped packets since the look before, and no emergency
 * was within the cool-down.
 */
export function mostToSpare(before: TableReading | undefined, now: TableReading, lastEmergencyAtMs: number | undefined): number {
  if (now.max === undefined || now.count < now.max * FULL) return 0;
  if (before?.drop === undefined || now.drop === undefined || now.drop <= before.drop) return 0;
  // One that seems to lie ahead is of a life before, since when the gateway's clock was set back.
  if (lastEmergencyAtMs !== undefined && lastEmergencyAtMs <= now.atMs && now.atMs - lastEmergencyAtMs < COOL_DOWN_MS) return 0;
  return Math.floor(now.max * MOST);
}

/** The last word on each flow that was found: not protected, and ending or never answered. */
export function maySpare({ protectedBy, state, status }: Flow): boolean {
  if (protectedBy !== undefined) return false;
  return ENDING.some((one) => one === state) || !(status & (IPS.SEEN_REPLY | IPS.ASSURED));
}

function status(word: string): FlowFilter {
  return { kind: 'term', field: 'status', match: { kind: 'glob', pattern: word } };
}
