import { readFileSync } from 'node:fs';
import { EXIT, noMore, UsageError, type Answer } from './command-line.ts';
import { parseGuard } from './operations/guard-file.ts';
import type { GuardRules } from './operations/local-guard.ts';

const MAX_GUARD_BYTES = 1 << 20;

/** `guard check [FILE]`: whether the agent would take this file, and what it forbids. Code `found` where it would not. */
export function guardCommand(words: readonly string[], usualFile: string): Answer {
  const [command, file = usualFile, ...rest] = words;
  if (command !== 'check') throw new UsageError('It is: guard check [FILE]');
  noMore(rest);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = `${file} cannot be read: ${(error as Error).message}`;
    return { lines: [why], json: { file, isValid: false, error: why }, code: EXIT.found };
  }
  const rules: GuardRules =
    text.length > MAX_GUARD_BYTES ? { ...parseGuard(''), error: `it has more than ${MAX_GUARD_BYTES} characters` } : parseGuard(text);
  if (rules.error !== undefined) {
    const lines = [`${file} cannot be used: ${rules.error}.`, 'While it is in force like this, nothing is ended on this gateway.'];
    return { lines, json: { file, isValid: false, error: rules.error }, code: EXIT.found };
  }
  return { lines: [`${file} is right.`, ...guardLines(rules)], json: { file, isValid: true }, code: EXIT.done };
}

/** What rules forbid, a line each. */
export function guardLines({ isReadOnly, protect, mostDeletesAMinute, mostPercentOfTable, approvals }: GuardRules): string[] {
  const lines = [
    ...(isReadOnly ? ['Nothing may be ended here.'] : []),
    ...protect.map(({ filter, reason }) => `Left alone: ${filter} (${reason}).`),
    ...(mostDeletesAMinute === undefined ? [] : [`At most ${mostDeletesAMinute} flows a minute.`]),
    ...(mostPercentOfTable === undefined ? [] : [`At most ${mostPercentOfTable} % of the table by one plan.`]),
    ...(approvals ? [`Signatures are demanded for: ${approvals.demandedFor.join(', ')}.`] : []),
  ];
  return lines.length > 0 ? lines : ['It forbids nothing.'];
}
