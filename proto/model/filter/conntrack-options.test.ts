import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SELECTING_OPTIONS } from './conntrack-arguments.ts';
import { takeConntrackOptions } from './conntrack-options.ts';
import { parseFilter } from './parse.ts';

function filterOf(line: string): string {
  const taken = takeConntrackOptions(line.split(' '));
  if ('problem' in taken) throw new Error(taken.problem);
  expect(taken.rest).toEqual([]);
  return taken.filter;
}

function problemOf(line: string): string {
  const taken = takeConntrackOptions(line.split(' '));
  return 'problem' in taken ? taken.problem : `taken as “${taken.filter}”`;
}

describe('options of conntrack', () => {
  test.for([
    ['-p udp -q 198.51.100.7', 'proto:udp rdst:198.51.100.7'],
    ['-pudp --orig-port-dst=5060', 'proto:udp dport:5060'],
    ['-s 10.0.0.0/8 -f ipv4 --state ESTABLISHED', 'src:10.0.0.0/8 family:ipv4 state:established'],
    ['-u ASSURED,SEEN_REPLY', 'status:assured status:replied'],
    ['-m 0x100/0xff00 -w 7', 'mark:0x100/0xff00 zone:7'],
    ['-n', 'status:snat'],
    ['-n 203.0.113.7', 'status:snat rdst:203.0.113.7'],
  ] as const)('%s is the filter %s', ([line, filter]) => {
    expect(filterOf(line)).toBe(filter);
  });

  test('an address of IPv6 means the same as in a filter', () => {
    expect(parseFilter(filterOf('-s 2001:db8::1'))).toEqual(parseFilter('src:2001:db8::1'));
  });

  test('what is not conntrack’s stays for the program, in order', () => {
    expect(takeConntrackOptions(['--site', 'milano', '-p', 'udp', '-o', 'json', '--', '-p', 'tcp'])).toEqual({
      filter: 'proto:udp',
      rest: ['--site', 'milano', '-o', 'json', '--', '-p', 'tcp'],
    });
  });

  test.for([
    ['-p', '“-p” needs a value'],
    ['-p -s 10.0.0.1', '“-p” needs a value'],
    ['--proto=', '“--proto” has no value'],
    ['-p udp --proto tcp', '“--proto” and “-p” say the same twice'],
    ['-s 10.0.0.1 --mask-src 255.0.0.0', 'write the prefix with -s'],
    ['-s nowhere', '“-s nowhere”: “nowhere” is not an address'],
    ['-s 10.0.0.1"or', '“-s” has no value'],
  ] as const)('%s is refused: %s', ([line, problem]) => {
    expect(problemOf(line)).toContain(problem);
  });

  test('whatever is given, every option that was taken narrows the filter by a term that parses', () => {
    const option = fc.constantFrom(...Object.keys(SELECTING_OPTIONS));
    const value = fc.oneof(fc.constantFrom('udp', '10.0.0.1', '5060', '0x1/0xf', '2001:db8::/32', 'x or y:z', '""'), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(option, value), { minLength: 1, maxLength: 4 }), (pairs) => {
        const taken = takeConntrackOptions(pairs.flat());
        if ('problem' in taken) return;
        const parsed = parseFilter(taken.filter);
        expect(parsed).toHaveProperty('filter');
        const alone = (taken.filter.match(/(^| )[a-z-]+:/g) ?? []).length;
        expect(alone + taken.rest.length).toBeGreaterThanOrEqual(pairs.length);
      }),
    );
  });
});
