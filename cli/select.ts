import { fromConntrackArguments } from '../proto/model/filter/conntrack-arguments.ts';
import { has, valueOf, type Given } from './command.ts';
import { UsageError } from './exit-codes.ts';
import { SELECTION } from './options.ts';

const OF_CONNTRACK = SELECTION.options.filter(({ name }) => name !== 'filter' && name !== 'show-query');

/** The filter that the options select by, in the console's grammar; empty if they select nothing. Throws UsageError. */
export function filterOf(given: Given, parses: (filter: string) => string | undefined): string {
  const words = OF_CONNTRACK.flatMap(({ name }) => {
    const value = valueOf(given, name);
    return value === undefined ? [] : value === '' ? [`--${name}`] : [`--${name}`, asWord(name, value)];
  });
  const own = words.length === 0 ? '' : fromOptions(words);
  const filter = valueOf(given, 'filter')?.trim() ?? '';
  if (has(given, 'filter') && filter === '') throw new UsageError('--filter is empty; leave it out to mean every flow');
  if (own === '' || filter === '') return own || filter;
  // A text such as `a) or (b` would mean something else within brackets.
  const problem = parses(filter);
  if (problem !== undefined) throw new UsageError(`--filter: ${problem}`);
  return `(${filter}) ${own}`;
}

function fromOptions(words: readonly string[]): string {
  const { message, suggestion } = fromConntrackArguments(words.join(' '));
  if (suggestion === undefined) throw new UsageError(message);
  return suggestion;
}

/** A value that stays one word of the arguments. */
function asWord(name: string, value: string): string {
  if (!/^[^\s=-][^\s=]*$/.test(value)) throw new UsageError(`--${name}: “${value}” is not a value of conntrack(8)`);
  return value;
}
