import type { MethodWord } from './method.ts';

/** What a gateway's guard file may allow only with a second person's signature. */
export const SIGNATURE_DEMANDS = ['reset', 'block', 'whole-table'] as const;
export type SignatureDemand = (typeof SIGNATURE_DEMANDS)[number];

/** So much of a table, whatever the filter, is the whole of it. */
const WHOLE_TABLE_PERCENT = 95;
/** So few flows are no table that anybody would miss. */
const FEW_FLOWS = 25;

/** What is about to be done; `before`: flows of the same table that were ended within the last minute. */
export interface Planned {
  method: MethodWord | undefined;
  flows: number;
  before?: number;
  tableCount: number;
}

/**
 * Which of the demands it meets; undefined if none. The same arithmetic on gateways, which hold to it, and in the controller, which
 * foresees it.
 */
export function demandMet(
  demands: readonly SignatureDemand[],
  { method, flows, before = 0, tableCount }: Planned,
): SignatureDemand | undefined {
  return demands.find((demand) =>
    demand === 'whole-table'
      ? flows > FEW_FLOWS && (flows + before) * 100 >= (tableCount + before) * WHOLE_TABLE_PERCENT
      : demand === method,
  );
}

/** For people: `a reset`, `a block`, `clearing a whole table`. */
export function demandWords(demand: SignatureDemand): string {
  return demand === 'whole-table' ? 'clearing a whole table' : `a ${demand}`;
}
