import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Filter } from '../../gen/ctfleet/v1/flow.ts';
import { completeFilter } from './complete.ts';
import { globMatches } from './evaluate.ts';
import { formatFilter } from './format.ts';
import { MAX_FILTER_BYTES, MAX_FILTER_CHARACTERS, MAX_FILTER_DEPTH, MAX_FILTER_TERMS } from './limits.ts';
import { parseFilter } from './parse.ts';
import { fillFilter } from './template.ts';
import { fromWireFilter, toWireFilter } from '../../wire/filter.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

const nested = (levels: number): string => '-(port:2 '.repeat(levels) + 'port:1' + ')'.repeat(levels);
const problemOf = (text: string) => {
  const parsed = parseFilter(text);
  if ('filter' in parsed) throw new Error(`it parsed: ${text.slice(0, 60)}`);
  return parsed.problem;
};

describe('a filter that is too deep or too long', () => {
  it('is refused at the level that is too deep, with the remedy', () => {
    const problem = problemOf(nested(32));
    expect(problem.message).toContain(`at most ${MAX_FILTER_DEPTH} deep; join conditions side by side`);
    expect(nested(32).slice(problem.start, problem.end)).toBe('-');
    expect(problem.start).toBe('-(port:2 '.length * (MAX_FILTER_DEPTH / 2));
    expect(parseFilter(nested(MAX_FILTER_DEPTH / 2))).toHaveProperty('filter');
  });

  it.each(['(', '-', '-(', 'not ', '(port:1 or ', '-(port:1 ', '"x" ', 'port:1,', 'a '])(
    'never overflows the stack with a hundred thousand characters of %j',
    (unit) => {
      const text = unit.repeat(Math.floor(MAX_FILTER_CHARACTERS / unit.length));
      expect(problemOf(text).end).toBeLessThanOrEqual(text.length);
      expect(problemOf(`${text}${text}`).message).toContain('at most 100000 characters');
      expect(completeFilter(text, text.length)).toBeInstanceOf(Array);
    },
  );

  it('does not count siblings as depth: negations, brackets and lists that are closed are no deeper', () => {
    expect(parseFilter(Array.from({ length: 500 }, (_, port) => `-(port:${port} or (proto:udp,tcp))`).join(' '))).toHaveProperty('filter');
    expect(parseFilter(Array.from({ length: 500 }, () => '-port:1').join(' '))).toHaveProperty('filter');
  });

  it('has too many values at one more than the limit, wherever they are', () => {
    const ports = (count: number): string => `port:${Array.from({ length: count }, (_, port) => port).join(',')}`;
    expect(parseFilter(ports(MAX_FILTER_TERMS))).toHaveProperty('filter');
    expect(problemOf(ports(MAX_FILTER_TERMS + 1)).message).toContain(`at most ${MAX_FILTER_TERMS} values`);
    expect(problemOf(Array.from({ length: MAX_FILTER_TERMS / 2 + 1 }, () => '443/tcp').join(' or ')).message).toContain('at most');
  });

  it('is not produced by substituting a name, which stays one value', () => {
    expect(fillFilter('wan:$wan', { wan: `x${')('.repeat(99)}` })).toHaveProperty('filter.kind', 'term');
    expect(fillFilter('ip:$address', { address: `192.0.2.1 ${'-('.repeat(40)}` })).toHaveProperty('problem');
    expect(fillFilter('ip:$address', { address: '192.0.2.1' })).toHaveProperty('filter.kind', 'term');
  });
});

describe('a filter that parses', () => {
  const word = fc.constantFrom('port:1', 'proto:udp,tcp', '10.0.0.1:80', 'port:5-,7', 'wan:"a b"', 'idle>5m', '2001:db8::1');
  const { text } = fc.letrec<{ text: string }>((tie) => ({
    text: fc.oneof(
      { maxDepth: 14 },
      word,
      tie('text').map((inner) => `-(${inner})`),
      tie('text').map((inner) => `-${inner}`),
      tie('text').map((inner) => `(${inner})`),
      fc.tuple(tie('text'), fc.constantFrom(' ', ' or '), tie('text')).map(([left, join, right]) => `(${left})${join}${right}`),
    ),
  }));

  it('has a canonical spelling that parses to the same, and an encoded form that agents decode', () => {
    fc.assert(
      fc.property(text, (typed) => {
        const parsed = parseFilter(typed);
        if (!('filter' in parsed)) return expect(parsed.problem.message).toContain('deep');
        expect(parseFilter(formatFilter(parsed.filter))).toEqual(parsed);
        expect(fromWireFilter(Filter.decode(Filter.encode(toWireFilter(parsed.filter)).finish()))).toEqual(parsed.filter);
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused if its encoded form is too large for one message', () => {
    expect(() => toWireFilter(filterOf(`wan:${'ǆ€'.repeat(MAX_FILTER_CHARACTERS / 2 - 10)}`))).toThrow(
      `and gateways accept ${MAX_FILTER_BYTES}`,
    );
  });
});

describe('a glob', () => {
  it('means the same as trying every way to place its stars', () => {
    const plain = (pattern: string, name: string): boolean =>
      pattern === ''
        ? name === ''
        : pattern[0] === '*'
          ? plain(pattern.slice(1), name) || (name !== '' && plain(pattern, name.slice(1)))
          : name !== '' && (pattern[0] === '?' || pattern[0] === name[0]) && plain(pattern.slice(1), name.slice(1));
    const letters = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', '.', '?', '*', '**'), { maxLength: 7 }).map((all) => all.join('')),
        letters,
        (pattern, name) => {
          expect(globMatches(pattern, name)).toBe(plain(pattern, name));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('with many stars terminates, whatever the name', () => {
    expect(globMatches(`${'*a'.repeat(40)}*b`, 'a'.repeat(300))).toBe(false);
  });
});
