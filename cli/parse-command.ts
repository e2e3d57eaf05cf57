import { parseArgs } from 'node:util';
import { nearest } from '../proto/model/nearest.ts';
import type { Command, Given, Option } from './command.ts';
import { UsageError } from './exit-codes.ts';

/** What a command line says: a command with its options, or a group of commands of which help is wanted. */
export type Typed<C extends Command = Command> =
  | { kind: 'command'; command: C; given: Given; args: string[] }
  | { kind: 'help'; words: string[] };

/** Options of a command, whatever their group. */
export function optionsOf({ groups }: Pick<Command, 'groups'>): Option[] {
  return groups.flatMap(({ options }) => options);
}

/** Reads a command line by the table of commands. Throws UsageError, with the cure. */
export function parseCommand<C extends Command>(argv: readonly string[], commands: readonly C[]): Typed<C> {
  const isHelp = argv.some((word) => word === '--help' || word === '-h');
  const leading = argv.slice(
    0,
    indexOrEnd(argv, (word) => word.startsWith('-')),
  );
  if (leading[0] === 'help') return { kind: 'help', words: leading.slice(1) };
  const command = commandOf(leading, commands);
  if (!command) {
    if (isHelp || argv.length === 0 || isGroup(leading, commands)) return { kind: 'help', words: groupOf(leading, commands) };
    throw new UsageError(unknownWords(leading, argv, commands));
  }
  if (isHelp) return { kind: 'help', words: [...command.words] };
  const { given, args } = parseOptions(argv.slice(command.words.length), command);
  const wanted = command.args ?? [];
  const missing = wanted[args.length];
  if (missing && !missing.isOptional) throw new UsageError(`${missing.name} is missing: ${usageOf(command)}`);
  if (args.length > wanted.length) throw new UsageError(`“${args[wanted.length]}” is one word too many: ${usageOf(command)}`);
  return { kind: 'command', command, given, args };
}

/** `ctfleet flushes watch FLUSH [OPTIONS]`. */
export function usageOf({ words, args = [] }: Command): string {
  const names = args.map(({ name, isOptional }) => (isOptional ? `[${name}]` : name));
  return ['ctfleet', ...words, ...names, '[OPTIONS]'].join(' ');
}

function parseOptions(argv: readonly string[], command: Command): { given: Given; args: string[] } {
  const options = optionsOf(command);
  const config: Record<string, { type: 'string' | 'boolean'; short?: string; multiple: true }> = {};
  const canonical = new Map<string, Option>();
  for (const option of options) {
    const type = option.value === undefined ? 'boolean' : 'string';
    for (const name of [option.name, ...(option.aliases ?? [])]) {
      config[name] = { type, multiple: true, ...(name === option.name && option.short !== undefined && { short: option.short }) };
      canonical.set(name, option);
    }
  }
  const parsed = read(() =>
    parseArgs({ args: withEmptyValues(argv, options), options: config, allowPositionals: true, strict: true, tokens: true }),
  );
  const given: Record<string, string[]> = {};
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    const option = canonical.get(token.name)!;
    const value = token.value ?? '';
    const values = (given[option.name] ??= []);
    if (values.length > 0 && !option.isRepeatable) throw new UsageError(`${token.rawName} is given twice`);
    if (value === '' && option.value !== undefined && !option.isValueOptional) throw new UsageError(`${token.rawName} needs a value`);
    if (option.choices && !option.choices.includes(value.toLowerCase()))
      throw new UsageError(`${token.rawName} is one of ${option.choices.join(', ')}`);
    values.push(option.choices ? value.toLowerCase() : value);
  }
  return { given, args: parsed.positionals };
}

/** Gives an option whose value was left out an empty one. */
function withEmptyValues(argv: readonly string[], options: readonly Option[]): string[] {
  const bare = new Map<string, string>();
  for (const { name, short, isValueOptional } of options)
    if (isValueOptional) for (const word of [`--${name}`, `-${short}`]) bare.set(word, `--${name}=`);
  const end = indexOrEnd(argv, (word) => word === '--');
  return argv.map((word, index) => {
    const next = argv[index + 1];
    return index < end && (next === undefined || next.startsWith('-')) ? (bare.get(word) ?? word) : word;
  });
}

function read<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error;
    // Node goes on to explain its own syntax.
    throw new UsageError(message.split('. ')[0]!.replaceAll("'", ''));
  }
}

function commandOf<C extends Command>(words: readonly string[], commands: readonly C[]): C | undefined {
  return commands
    .filter((command) => command.words.every((word, index) => words[index] === word))
    .toSorted((a, b) => b.words.length - a.words.length)[0];
}

function isGroup(words: readonly string[], commands: readonly Command[]): boolean {
  return words.length > 0 && commands.some((command) => words.every((word, index) => command.words[index] === word));
}

function groupOf(words: readonly string[], commands: readonly Command[]): string[] {
  return isGroup(words, commands) ? [...words] : [];
}

function unknownWords(leading: readonly string[], argv: readonly string[], commands: readonly Command[]): string {
  if (leading.length === 0) return `“${argv[0]}” comes after a command. Commands: ctfleet --help`;
  const group = commands.some(({ words }) => words[0] === leading[0]) ? leading.slice(0, 1) : [];
  const known = new Set(
    commands.filter(({ words }) => group.every((word, index) => words[index] === word)).map(({ words }) => words[group.length]!),
  );
  const near = nearest(leading[group.length] ?? '', known);
  const typed = leading.slice(0, group.length + 1).join(' ');
  const cure = near ? `; did you mean “${[...group, near].join(' ')}”?` : `. Commands: ${['ctfleet', ...group, '--help'].join(' ')}`;
  return `There is no command “${typed}”${cure}`;
}

function indexOrEnd(words: readonly string[], fits: (word: string) => boolean): number {
  const index = words.findIndex(fits);
  return index < 0 ? words.length : index;
}
