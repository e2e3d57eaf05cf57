import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluateFilter } from '../../../proto/model/filter/evaluate.ts';
import type { FlowFilter } from '../../../proto/model/filter/filter.ts';
import { sortValue, SORT_FIELDS } from '../../../proto/model/sort.ts';
import { parseAddress } from '../../../proto/model/address.ts';
import { STALE_WORDS } from '../../../proto/model/stale.ts';
import { arbitraryEntry, arbitraryFilter } from '../../../test/support/arbitrary-entry.ts';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { Columns } from '../rows/columns.ts';
import { compileFilter } from './compile-filter.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { Describer } from './describe.ts';
import { rowSortValue } from './sort.ts';
import { STALENESS } from '../stale/stale.ts';
import { DEFAULT_TIMEOUTS } from '../proc/timeouts.ts';
import { WanNames } from '../rows/wan-names.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block } from '../rows/block.ts';

const SURROUNDINGS: Surroundings = {
  nowMs: 1_900_000_000_000,
  sources: [{ timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: Infinity }],
  isSynced: false,
  labels: new Map([
    [1, 'voip'],
    [17, 'bulk'],
  ]),
  wans: new WanNames([
    { name: 'wan1', addresses: [parseAddress('198.18.0.1')!, parseAddress('fd00:1:1::1')!] },
    { name: 'WAN2', addresses: [parseAddress('10.0.0.1')!, parseAddress('198.18.0.1')!] },
  ]),
};

function both(body: Uint8Array) {
  const columns = new Columns(1);
  new RowReader(columns).append(new Block(body), 0, body.length);
  return { columns, flow: new Describer(columns, SURROUNDINGS, [], () => undefined).flow(0) };
}

test('a compiled filter and its negation decide on a row as the reference does on the flow', () => {
  let matches = 0;
  fc.assert(
    fc.property(arbitraryEntry, arbitraryFilter, (entry, filter) => {
      const { columns, flow } = both(encodeEntry(entry));
      for (const asked of [filter, { kind: 'not' as const, operand: filter }]) {
        const wanted = evaluateFilter(asked, flow, SURROUNDINGS.nowMs);
        if (wanted) matches++;
        expect(compileFilter(asked, columns, SURROUNDINGS)(0)).toBe(wanted);
      }
    }),
    { numRuns: 4000 },
  );
  expect(matches).toBeGreaterThan(1000);
});

test('a row sorts as its flow does', () => {
  fc.assert(
    fc.property(arbitraryEntry, (entry) => {
      const { columns, flow } = both(encodeEntry(entry));
      for (const field of SORT_FIELDS) expect(rowSortValue(field, columns, SURROUNDINGS)(0)).toBe(sortValue(flow, field));
    }),
    { numRuns: 500 },
  );
});

test('stale terms follow the column; if that is unknown, neither a term nor its negation matches', () => {
  for (const code of [...STALENESS.keys(), Number.NaN]) {
    const columns = new Columns(1);
    columns.count = 1;
    columns.ensure('stale')[0] = code;
    const matches = (filter: FlowFilter) => compileFilter(filter, columns, SURROUNDINGS)(0);
    for (const word of STALE_WORDS) {
      const term: FlowFilter = { kind: 'term', field: 'stale', match: { kind: 'glob', pattern: word } };
      const isIt = Number.isNaN(code) ? undefined : word === 'yes' ? code > 0 : STALENESS[code] === word;
      expect([matches(term), matches({ kind: 'not', operand: term })]).toEqual([isIt === true, isIt === false]);
    }
  }
});
