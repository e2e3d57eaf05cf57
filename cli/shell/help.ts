import type { Command, Option, OptionGroup } from '../command.ts';
import { EXIT_WORDS } from '../exit-codes.ts';
import { usageOf } from '../parse-command.ts';

/** The help of one command, of a group of commands, or of the program. */
export function helpOf(words: readonly string[], commands: readonly Command[]): string {
  const fitting = commands.filter((command) => words.every((word, index) => command.words[index] === word));
  const exact = fitting.find((command) => command.words.length === words.length);
  return exact ? helpOfCommand(exact) : overview(fitting.length > 0 ? fitting : commands);
}

/** `-p, --proto PROTO`. */
export function spelled({ name, short, aliases = [], value, isValueOptional }: Option): string {
  const names = [...(short === undefined ? [] : [`-${short}`]), ...[name, ...aliases].map((long) => `--${long}`)].join(', ');
  return value === undefined ? names : `${names} ${isValueOptional ? `[${value}]` : value}`;
}

function helpOfCommand(command: Command): string {
  const { summary, details, args = [], groups, examples = [] } = command;
  return [
    `${summary}.${details === undefined ? '' : ` ${details}`}\n\nUsage: ${usageOf(command)}\n`,
    args.length > 0 ? `\n${columns(args.map(({ name, words }) => [name, words]))}` : '',
    ...groups.map((group) => `\n${section(group)}`),
    examples.length > 0 ? `\nExamples:\n${examples.map((line) => `  ${line}\n`).join('')}` : '',
  ].join('');
}

function section({ title, options }: OptionGroup): string {
  return `${title}:\n${columns(options.map((option) => [spelled(option), option.words]))}`;
}

function overview(commands: readonly Command[]): string {
  return [
    'ctfleet sees, clears and tunes connection tracking on every gateway you run.\n\nUsage: ctfleet COMMAND [OPTIONS]\n\nCommands:\n',
    columns(commands.map(({ words, summary }) => [words.join(' '), summary])),
    '\nThe help of a command: ctfleet COMMAND --help\n\nExit codes:\n',
    columns(EXIT_WORDS.map(([code, words]) => [String(code), words])),
  ].join('');
}

const MAX_LEFT = 34;

function columns(lines: readonly (readonly [string, string])[]): string {
  const width = Math.min(MAX_LEFT, Math.max(...lines.map(([left]) => left.length)));
  return lines
    .map(([left, right]) => (left.length > width ? `  ${left}\n  ${' '.repeat(width)}  ${right}\n` : `  ${left.padEnd(width)}  ${right}\n`))
    .join('');
}
