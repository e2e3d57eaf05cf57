/** How `ctfleet` ends. 0 to 2 are as those of conntrack(8). */
export const EXIT = { done: 0, failed: 1, usage: 2, nothingMatched: 3, partial: 4, refused: 5, drifted: 6, interrupted: 130 } as const;

/** The same for people: help and man page. */
export const EXIT_WORDS: readonly [code: number, words: string][] = [
  [EXIT.done, 'Done.'],
  [EXIT.failed, 'It failed, or the controller could not be reached.'],
  [EXIT.usage, 'The command line is wrong. Nothing was asked of the controller that changes anything.'],
  [EXIT.nothingMatched, 'Nothing matched.'],
  [EXIT.partial, 'Partial: some gateways did not answer, or some flows were not ended.'],
  [EXIT.refused, 'Refused: no permission, by a limit or a guard, by the person asked, or a second person must agree first.'],
  [EXIT.drifted, 'Other than --expect says. Nothing was touched.'],
  [EXIT.interrupted, 'Interrupted. What was begun goes on.'],
];

/** A mistake in what was typed, with its cure. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An end other than by a mistake or a problem: what to say, and the code. */
export class Ended extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
