import { zxcvbn, zxcvbnOptions } from '@zxcvbn-ts/core';
import * as common from '@zxcvbn-ts/language-common';
import { MIN_PASSWORD_LENGTH } from '../../proto/http/people.ts';

export const MAX_PASSWORD_LENGTH = 256;
/** Scale 0 to 4: 3 means more than 10^8 guesses. */
const MIN_SCORE = 3;
/** Characters that are estimated: the cost grows with the square of the length. */
const ESTIMATED_LENGTH = 64;

zxcvbnOptions.setOptions({ dictionary: common.dictionary, graphs: common.adjacencyGraphs });

/**
 * Why this password is not acceptable for a person; undefined if it is. `about`: words that an attacker tries first, such as the person's
 * name and e-mail address.
 */
export function passwordProblem(password: string, about: readonly string[]): string | undefined {
  if (password.length < MIN_PASSWORD_LENGTH) return `has fewer than ${MIN_PASSWORD_LENGTH} characters`;
  if (password.length > MAX_PASSWORD_LENGTH) return `has more than ${MAX_PASSWORD_LENGTH} characters`;
  const words = about.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((word) => word.length > 2);
  if (zxcvbn(password.slice(0, ESTIMATED_LENGTH), ['ctfleet', ...words]).score >= MIN_SCORE) return undefined;
  return 'is easy to guess: it repeats itself, or consists of common words, adjacent keys or your own name. Use several unrelated words';
}
