import { zxcvbn, zxcvbnOptions } from '@zxcvbn-ts/core';
import * as common from '@zxcvbn-ts/language-common';

export const MIN_PASSWORD_LENGTH = 15;
export const MAX_PASSWORD_LENGTH = 256;
/** Of 0 to 4: 3 is more than 10^8 guesses. */
const MIN_SCORE = 3;
/** What is looked at: the estimate's cost grows with the square of the length. */
const ESTIMATED_LENGTH = 64;

zxcvbnOptions.setOptions({ dictionary: common.dictionary, graphs: common.adjacencyGraphs });

/**
 * Why this is no password for a person; undefined if it is one. `about`: words that an attacker tries first, such as the person's name and
 * e-mail address.
 */
export function passwordProblem(password: string, about: readonly string[]): string | undefined {
  if (password.length < MIN_PASSWORD_LENGTH) return `has fewer than ${MIN_PASSWORD_LENGTH} characters`;
  if (password.length > MAX_PASSWORD_LENGTH) return `has more than ${MAX_PASSWORD_LENGTH} characters`;
  const words = about.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((word) => word.length > 2);
  if (zxcvbn(password.slice(0, ESTIMATED_LENGTH), ['ctfleet', ...words]).score >= MIN_SCORE) return undefined;
  return 'is easy to guess: it repeats itself, or is made of common words, keys in a row or your own name. Take several words that have nothing to do with each other';
}
