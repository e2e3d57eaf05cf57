import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from './commands.ts';
import { UsageError } from './exit-codes.ts';
import { optionsOf, parseCommand } from './parse-command.ts';

const parse = (line: string) => parseCommand(line.split(' ').filter(Boolean), COMMANDS);
const givenOf = (line: string) => {
  const typed = parse(line);
  return typed.kind === 'command' ? { words: typed.command.words.join(' '), given: typed.given, args: typed.args } : typed;
};

describe('a command line', () => {
  it('takes conntrack’s options, short, joined, long, and by its other names', () => {
    expect(givenOf('flows list -p udp -q198.51.100.7 --src 10.0.0.1 --orig-port-dst=53')).toEqual({
      words: 'flows list',
      given: { proto: ['udp'], 'reply-dst': ['198.51.100.7'], 'orig-src': ['10.0.0.1'], dport: ['53'] },
      args: [],
    });
  });

  it('takes an option whose value may be left out with and without one', () => {
    expect(givenOf('flows list -n -p udp')).toMatchObject({ given: { 'src-nat': [''], proto: ['udp'] } });
    expect(givenOf('flows list -n 10.0.0.1')).toMatchObject({ given: { 'src-nat': ['10.0.0.1'] } });
    expect(givenOf('flows list --any-nat')).toMatchObject({ given: { 'any-nat': [''] } });
  });

  it.each([
    ['flows delete -p udp -p tcp', /given twice/],
    ['flows delete --src 10.0.0.1 -s 10.0.0.2', /given twice/],
    ['flows delete -x', /-x/],
    ['flows delete -p', /needs? a value|argument missing/],
    ['flows delete --site=', /needs a value/],
    ['flows list -o xml', /one of table, wide/],
    ['flows list 10.0.0.1', /one word too many/],
    ['flushes show', /FLUSH is missing/],
    ['flow list', /did you mean “flows”/],
    ['flows delte', /did you mean “flows delete”/],
    ['-p udp', /comes after a command/],
  ])('is refused with the cure: %s', (line, message) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(message);
  });

  it('asks for help wherever --help stands, and for a group of commands', () => {
    expect(parse('flows delete -p udp --help')).toEqual({ kind: 'help', words: ['flows', 'delete'] });
    expect(parse('flows')).toEqual({ kind: 'help', words: ['flows'] });
    expect(parse('')).toEqual({ kind: 'help', words: [] });
  });

  it('of any words is a command, help, or a usage error', () => {
    const known = [...new Set(COMMANDS.flatMap((command) => [...command.words, ...optionsOf(command).map(({ name }) => `--${name}`)]))];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...known), fc.string({ unit: 'binary' }))), (argv) => {
        try {
          parseCommand(argv, COMMANDS);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});

describe('the table of commands', () => {
  it('has no two commands of the same words, and none whose words begin another', () => {
    const lines = COMMANDS.map(({ words }) => words.join(' '));
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.filter((line) => lines.some((other) => other.startsWith(`${line} `)))).toEqual([]);
  });

  it('has no option twice in a command', () => {
    for (const command of COMMANDS) {
      const names = optionsOf(command).flatMap(({ name, short, aliases = [] }) => [name, ...aliases, ...(short ? [short] : [])]);
      expect([command.words.join(' '), names.filter((name, index) => names.indexOf(name) !== index)]).toEqual([
        command.words.join(' '),
        [],
      ]);
    }
  });
});
