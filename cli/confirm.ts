import { count, isCount } from '../client/words/format.ts';
import { has, valueOf, type Given } from './command.ts';
import { Ended, EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { parseExpect } from './numbers.ts';

/** What is agreed to: how many of what. `isTyped`: much is at stake, so that the number is to be typed. */
export interface Stake {
  number: number;
  noun: string;
  question: string;
  isTyped: boolean;
}

/** Throws Ended unless the number is as `--expect` says. */
export function checkExpected(given: Given, { number, noun }: Pick<Stake, 'number' | 'noun'>): void {
  const expect = valueOf(given, 'expect');
  if (expect === undefined) return;
  const { from, to } = parseExpect(expect);
  if (number >= from && number <= to) return;
  throw new Ended(EXIT.drifted, `there are ${count(number)} ${noun}, and --expect says ${expect}; nothing was touched`);
}

/** Has a person agree, where `--yes` does not. Throws Ended unless they do. */
export async function confirmNumber(io: Io, given: Given, stake: Stake): Promise<void> {
  checkExpected(given, stake);
  if (has(given, 'yes')) return;
  const { number, noun, question, isTyped } = stake;
  const typed = await io.ask(isTyped ? `Type the number of ${noun} to go on: ` : `${question}? [y/N] `);
  if (typed === undefined) throw new Ended(EXIT.interrupted, 'nothing was touched');
  if (isTyped ? !isCount(typed.trim(), number) : !/^y(es)?$/i.test(typed.trim()))
    throw new Ended(EXIT.refused, 'not confirmed; nothing was touched');
}
