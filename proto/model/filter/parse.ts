import type { FilterProblem, FlowFilter } from './filter.ts';

/** Parses the filter grammar. A text that does not parse is a problem with a place, never "everything"; an empty text is everything. */
export function parseFilter(text: string): { filter: FlowFilter } | { problem: FilterProblem } {
  void text;
  throw new Error('not written yet');
}
