/**
 * The maximum size of a filter. Whatever parses fits through the link: each side decodes a hundred nested messages, and a level of a filter
 * takes at most two.
 */
export const MAX_FILTER_CHARACTERS = 100_000;
/** Nested brackets and negations. A list of values is one more level. */
export const MAX_FILTER_DEPTH = 16;
/** Values compared, in total. */
export const MAX_FILTER_TERMS = 2000;
/** Bytes of the encoded form; a message on the link has at most 256 KiB. */
export const MAX_FILTER_BYTES = 200 * 1024;

export const TOO_MANY_TERMS = `A filter has at most ${MAX_FILTER_TERMS} values; use a prefix or a range, or make several plans`;

/** How a token of the grammar affects depth and number of terms. */
export type TokenRole = 'not' | 'open' | 'close' | 'comma' | 'value' | 'pair' | 'other';

/** The first token at which a text is too deep or too long, and why; undefined if it is neither. */
export function firstBeyondLimits(roles: Iterable<TokenRole>): { index: number; message: string } | undefined {
  const open: ('not' | 'open')[] = [];
  let terms = 0;
  let depthOfTerm = 0;
  let index = 0;
  for (const role of roles) {
    if (role === 'not' || role === 'open') open.push(role);
    if (role === 'value' || role === 'pair') {
      depthOfTerm = open.length;
      terms += role === 'pair' ? 2 : 1;
    }
    const depth = role === 'comma' || role === 'pair' ? depthOfTerm + 1 : open.length;
    if (depth > MAX_FILTER_DEPTH) {
      return {
        index,
        message: `Brackets and negations may be nested at most ${MAX_FILTER_DEPTH} deep; join conditions side by side with “or” or a space`,
      };
    }
    if (terms > MAX_FILTER_TERMS) return { index, message: TOO_MANY_TERMS };
    if (role === 'close') while (open.length > 0 && open.pop() !== 'open');
    if (role === 'close' || role === 'value' || role === 'pair') while (open.at(-1) === 'not') open.pop();
    index += 1;
  }
  return undefined;
}
