import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateFilter } from '../proto/model/filter/evaluate.ts';
import { parseFilter } from '../proto/model/filter/parse.ts';
import { printed, UsageError } from './command-line.ts';
import { flowsArguments } from './flows-command.ts';
import type { Flow } from '../proto/model/flow.ts';

const UDP: Flow = {
  family: 4,
  proto: 17,
  orig: { src: '10.0.0.1', dst: '10.0.0.2', sport: 9, dport: 53 },
  reply: { src: '10.0.0.2', dst: '10.0.0.1', sport: 53, dport: 9 },
  zone: 0,
  id: 1,
  status: 0,
  mark: 0,
  labels: [],
};

describe('flows', () => {
  test.for([
    ['-p udp --dport 5060', 'proto:udp dport:5060'],
    ['-L -p udp --filter age>5m', 'proto:udp (age>5m)'],
    ['--filter=proto:tcp', 'proto:tcp'],
  ] as const)('%s is %s', ([line, filter]) => {
    expect(flowsArguments(line.split(' ')).filter).toBe(filter);
  });

  test.for(['-D -p udp', '--limit 0', '--limit 5000', '--limit', '-p udp nonsense', '--filter a)or(b'])('%s is refused', (line) => {
    expect(() => flowsArguments(line.split(' '))).toThrow(UsageError);
  });

  test('a filter never widens what the options select', () => {
    const word = fc.constantFrom('proto:udp', 'or', ')', '(', 'dport:53', 'not', '"');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        let filter: string;
        try {
          ({ filter } = flowsArguments(['-p', 'tcp', '--filter', words.join(' ') || ' ']));
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        const parsed = parseFilter(filter);
        if (!('filter' in parsed)) throw new Error(`${filter} does not parse`);
        expect(evaluateFilter(parsed.filter, UDP, 0)).not.toBe(true);
      }),
    );
  });

  test('a name from elsewhere cannot steer the terminal', () => {
    expect(printed({ lines: ['a\u001b[2Jb'], json: {}, code: 0 }, false)).toBe('a�[2Jb');
  });
});
