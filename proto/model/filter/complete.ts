import { FIELDS, fieldNamed, isComparable, type Field } from './fields.ts';
import { spell } from './values.ts';
import { ColonToken, BangToken, CommaToken, DiffersToken, FieldToken, tokenMatcher, tokensOf } from './grammar.ts';

/** One completion: `text` replaces what is between `start` and `end`. */
export interface Completion {
  text: string;
  start: number;
  end: number;
  help: string;
}

/** Completions at the cursor: field names, or the words of the field whose value is being typed. */
export function completeFilter(text: string, cursor: number, names: Partial<Record<string, string[]>> = {}): Completion[] {
  const before = text.slice(0, cursor);
  const typed = /[^\s():,"<>=!]*$/.exec(before)?.[0] ?? '';
  const start = cursor - typed.length;
  const field = fieldBeingValued(before.slice(0, start));
  const wanted = typed.replace(/^-/, '').toLowerCase();
  if (field) {
    return wordsOf(field, names[field.name])
      .filter(({ word }) => word.toLowerCase().startsWith(wanted))
      .map(({ text: said }) => ({ text: said, start, end: cursor, help: field.help }));
  }
  return FIELDS.filter(({ name, aliases }) => [name, ...aliases].some((word) => word.startsWith(wanted))).map(({ name, kind, help }) => ({
    text: isComparable(kind) && kind !== 'port' && kind !== 'number' ? `${name}>` : `${name}:`,
    start: start + (typed.startsWith('-') ? 1 : 0),
    end: cursor,
    help,
  }));
}

/** The words of a field with their spelling. */
function wordsOf(field: Field, names: readonly string[] = field.words): { word: string; text: string }[] {
  const named = names.map((word) => ({ word, text: spell(field, word) }));
  return field.canBeNone ? [...named, { word: 'none', text: 'none' }] : named;
}

/** The field whose value comes next: the text ends in `field:`, `field!=`, `field:!` or `field:value,`. */
function fieldBeingValued(before: string): ReturnType<typeof fieldNamed> {
  if (/\s$/.test(before)) return undefined;
  const tokens = tokensOf(before);
  const last = tokens.at(-1);
  if (!last || ![ColonToken, DiffersToken, BangToken, CommaToken].some((type) => tokenMatcher(last, type))) return undefined;
  if (tokenMatcher(last, BangToken) && !(tokens.at(-2) && tokenMatcher(tokens.at(-2)!, ColonToken))) return undefined;
  const field = tokens.findLast((token) => tokenMatcher(token, FieldToken));
  return field && fieldNamed(field.image);
}
