import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';

/** The filter of a text. Throws if the text does not parse. */
export function filterOf(text: string): FlowFilter {
  const parsed = parseFilter(text);
  if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem.message}`);
  return parsed.filter;
}

/** What a text means once each suggestion has been accepted; undefined if there is none. */
export function meantBy(text: string): FlowFilter | undefined {
  for (let typed = text, tries = 0; tries < 5; tries++) {
    const parsed = parseFilter(typed);
    if ('filter' in parsed) return parsed.filter;
    const { start, end, suggestion } = parsed.problem;
    if (suggestion === undefined) return undefined;
    typed = typed.slice(0, start) + suggestion + typed.slice(end);
  }
  return undefined;
}
