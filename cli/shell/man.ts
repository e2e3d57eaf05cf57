import type { Command } from '../command.ts';
import { EXIT_WORDS } from '../exit-codes.ts';
import { usageOf } from '../parse-command.ts';
import { spelled } from './help.ts';

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['CTFLEET_URL, CTFLEET_TOKEN', 'The controller and an API token, instead of a context.'],
  ['NO_COLOR', 'No colours.'],
  ['XDG_CONFIG_HOME', 'Where ctfleet/contexts.json is kept; ~/.config by default. Only its owner can read it.'],
];

/** The manual page in man(7). */
export function manPage(commands: readonly Command[], version: string): string {
  return [
    `.TH CTFLEET 1 "" "ctfleet ${version}" "User Commands"`,
    '.SH NAME',
    'ctfleet \\- connection tracking on every gateway you run',
    '.SH SYNOPSIS',
    '.B ctfleet',
    '.I COMMAND',
    '[\\fIOPTIONS\\fR]',
    '.SH COMMANDS',
    ...commands.flatMap((command) => [`.SS ${roff(usageOf(command))}`, ...ofCommand(command)]),
    '.SH EXIT STATUS',
    ...EXIT_WORDS.flatMap(([code, words]) => definition(String(code), words)),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, words]) => definition(name, words)),
    '.SH SEE ALSO',
    '.BR conntrack (8)',
    '',
  ].join('\n');
}

function ofCommand({ summary, details, args = [], groups, examples = [] }: Command): string[] {
  return [
    `${roff(summary)}.`,
    ...(details === undefined ? [] : [roff(details)]),
    ...args.flatMap(({ name, words }) => definition(name, words)),
    ...groups
      .filter(({ title }) => title !== 'Everywhere')
      .flatMap(({ title, options }) => [
        '.PP',
        `${roff(title)}:`,
        ...options.flatMap((option) => definition(spelled(option), option.words)),
      ]),
    ...examples.flatMap((line) => ['.PP', '.EX', roff(line), '.EE']),
  ];
}

function definition(term: string, words: string): string[] {
  return ['.TP', `.B ${roff(term)}`, roff(words)];
}

/** Text that troff takes as text. */
function roff(text: string): string {
  const safe = text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}
