import { FleetError } from '../../proto/model/error-codes.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';

/** Parses the filter of a request. Throws FILTER_UNPARSABLE with the span and, if there is one, a suggestion. */
export function readFilter(text: string): FlowFilter {
  const parsed = parseFilter(text);
  if ('filter' in parsed) return parsed.filter;
  const { message, start, end, suggestion } = parsed.problem;
  throw new FleetError('FILTER_UNPARSABLE', `${message}.`, { span: { start, end }, suggestion });
}
