import { parseFilter } from '../proto/model/filter/parse.ts';

/** What is wrong with a filter, with the cure where there is one; undefined if it parses. */
export function problemOfFilter(text: string): string | undefined {
  const parsed = parseFilter(text);
  if ('filter' in parsed) return undefined;
  const { message, suggestion } = parsed.problem;
  return suggestion === undefined ? message : `${message}; try “${suggestion}”`;
}
