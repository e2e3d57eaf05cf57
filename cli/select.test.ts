import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFilter } from '../proto/model/filter/parse.ts';
import { UsageError } from './exit-codes.ts';
import { problemOfFilter } from './filter-problem.ts';
import { SELECTION } from './options.ts';
import { filterOf } from './select.ts';

const select = (given: Record<string, string>) =>
  filterOf(Object.fromEntries(Object.entries(given).map(([name, value]) => [name, [value]])), problemOfFilter);

describe('a selection', () => {
  it('by conntrack’s options is the console’s filter', () => {
    expect(select({ proto: 'udp', 'reply-dst': '198.51.100.7' })).toBe('proto:udp rdst:198.51.100.7');
    expect(select({ proto: 'tcp', state: 'TIME_WAIT', status: 'ASSURED,SEEN_REPLY', mark: '0x100/0xff00' })).toBe(
      'proto:tcp state:time-wait status:assured status:replied mark:0x100/0xff00',
    );
    expect(select({ 'src-nat': '' })).toBe('status:snat');
  });

  it('of both kinds needs both to hold, also where the filter has an “or”', () => {
    const filter = select({ filter: 'src:10.0.0.1 or src:10.0.0.2', proto: 'udp' });
    expect(filter).toBe('(src:10.0.0.1 or src:10.0.0.2) proto:udp');
    expect(parseFilter(filter)).toHaveProperty('filter');
  });

  it.each([
    [{ filter: 'proto:udp) or (proto:tcp', proto: 'udp' }],
    [{ filter: ' ' }],
    [{ proto: 'udp or proto:tcp' }],
    [{ 'orig-src': '10.0.0.1 -d 10.0.0.2' }],
    [{ 'orig-src': '-F' }],
  ])('that would mean something else is refused: %j', (given) => {
    expect(() => select(given)).toThrow(UsageError);
  });

  it('never selects more for a strange value: it is one term of its field, or refused', () => {
    const names = SELECTION.options.filter(({ name, value }) => value && name !== 'filter' && name !== 'zone').map(({ name }) => name);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string({ minLength: 1, unit: 'binary' }), (name, value) => {
        let filter: string;
        try {
          filter = select({ [name]: value, zone: '7' });
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        // Whatever parses has the other term as a condition of the whole.
        const parsed = parseFilter(filter);
        if (!('filter' in parsed)) return;
        const { filter: zone } = parseFilter('zone:7') as { filter: unknown };
        expect(parsed.filter).toMatchObject({ kind: 'and', operands: expect.arrayContaining([zone]) });
      }),
    );
  });
});
