/** With fewer letters another word is as likely as a typo. */
const MIN_LETTERS = 5;

/**
 * The one word that a typo turns into this one: two neighbouring letters swapped, or in a longer word one letter wrong, missing or extra.
 * Undefined if two words would fit, or a digit differs: no suggestion is better than a wrong one.
 */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  const near = [...new Set(words)].filter((candidate) => isSwap(wanted, candidate) || isOneLetterOff(wanted, candidate));
  const [first] = near;
  if (first === undefined || near.length > 1 || digitsOf(first) !== digitsOf(wanted)) return undefined;
  return isSwap(wanted, first) || Math.max(wanted.length, first.length) >= MIN_LETTERS ? first : undefined;
}

function digitsOf(word: string): string {
  return word.replaceAll(/\D/g, '');
}

function isSwap(a: string, b: string): boolean {
  const at = firstDifference(a, b);
  return a.length === b.length && a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
}

function isOneLetterOff(a: string, b: string): boolean {
  const at = firstDifference(a, b);
  return a.slice(at + 1) === b.slice(at + 1) || a.slice(at) === b.slice(at + 1) || a.slice(at + 1) === b.slice(at);
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}
