import { isValueOptional, SELECTING_OPTIONS, termsOfOption } from './conntrack-arguments.ts';
import { parseFilter } from './parse.ts';

/** What was taken from a command line: a filter's text, empty where no option selects, and the words that are not conntrack's. */
export interface ConntrackOptions {
  filter: string;
  rest: string[];
}

/** Options that are written otherwise here, with the cure. */
const REFUSED: Record<string, string> = {
  '--mask-src': 'write the prefix with -s, such as -s 10.0.0.0/8',
  '--mask-dst': 'write the prefix with -d, such as -d 10.0.0.0/8',
};

/**
 * Takes the options of conntrack(8) that select flows out of a program's arguments: `-p udp`, `-pudp`, `--proto udp` and `--proto=udp`.
 * Everything else stays in `rest`, in order, for the program itself; after `--` nothing is taken. A problem names the option and the cure;
 * no option is ever left out in silence, because a filter with one term less selects more flows.
 */
export function takeConntrackOptions(words: readonly string[]): ConntrackOptions | { problem: string } {
  const terms: string[] = [];
  const rest: string[] = [];
  const given = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === '--') {
      rest.push(...words.slice(index));
      break;
    }
    const { option, attached } = splitOption(word);
    if (Object.hasOwn(REFUSED, option)) return { problem: `“${option}” is not understood: ${REFUSED[option]}` };
    if (!Object.hasOwn(SELECTING_OPTIONS, option)) {
      rest.push(word);
      continue;
    }
    const next = words[index + 1];
    const separate = attached === undefined && next !== undefined && !next.startsWith('-') ? next : undefined;
    const value = attached ?? separate;
    if (separate !== undefined) index++;
    if (value === undefined && !isValueOptional(option)) return { problem: `“${option}” needs a value` };
    // Any of these would end the quotation in which the value stands in a filter, or was forgotten.
    if (value !== undefined && (value === '' || value.includes('"'))) return { problem: `“${option}” has no value that can be looked for` };
    const field = SELECTING_OPTIONS[option]!;
    const before = given.get(field);
    if (before !== undefined) return { problem: `“${option}” and “${before}” say the same twice; give one of them` };
    given.set(field, option);
    for (const term of termsOfOption(option, value)) {
      const parsed = parseFilter(term);
      if ('problem' in parsed)
        return { problem: `“${option} ${value ?? ''}”: ${parsed.problem.message}${cure(parsed.problem.suggestion)}` };
      terms.push(term);
    }
  }
  return { filter: terms.join(' '), rest };
}

/** `-pudp` and `--proto=udp` contain their value; a long option is never cut. */
function splitOption(word: string): { option: string; attached?: string } {
  if (word.startsWith('--')) {
    const at = word.indexOf('=');
    return at < 0 ? { option: word } : { option: word.slice(0, at), attached: word.slice(at + 1) };
  }
  const isShort = word.length > 2 && word.startsWith('-') && Object.hasOwn(SELECTING_OPTIONS, word.slice(0, 2));
  return isShort ? { option: word.slice(0, 2), attached: word.slice(2) } : { option: word };
}

function cure(suggestion: string | undefined): string {
  return suggestion === undefined ? '' : `; as a filter it would be ${suggestion}`;
}
