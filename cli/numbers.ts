import { valueOf, type Given } from './command.ts';
import { UsageError } from './exit-codes.ts';

/** A whole number of an option; `usual` without it. Throws UsageError. */
export function numberOf(given: Given, name: string, { from, to, usual }: { from: number; to: number; usual: number }): number {
  const text = valueOf(given, name);
  if (text === undefined) return usual;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < from || number > to) throw new UsageError(`--${name} is a whole number from ${from} to ${to}`);
  return number;
}

/** How many flows somebody expects: `312` or `300..330`. Throws UsageError. */
export function parseExpect(text: string): { from: number; to: number } {
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!match || from > to) throw new UsageError('--expect is a number such as 312, or a range such as 300..330');
  return { from, to };
}
