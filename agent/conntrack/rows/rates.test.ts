import { expect, test } from 'vitest';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { entryOf } from '../../../test/support/sample-entries.ts';
import type { Tuple } from '../../../proto/model/flow.ts';
import { Columns } from './columns.ts';
import { CarriedBytes } from './rates.ts';
import { RowReader } from './read-entry.ts';
import { Block } from './block.ts';

const V4 = { src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 2 };
const V6 = { src: 'fd00::1', dst: 'fd00::2', sport: 1, dport: 2 };

function look(...flows: { orig: Tuple; id: number; bytes?: bigint }[]): Columns {
  const columns = new Columns(4);
  const reader = new RowReader(columns);
  for (const { orig, id, bytes } of flows) {
    const counters = bytes === undefined ? {} : { origCounters: { packets: 1n, bytes }, replyCounters: { packets: 1n, bytes: 0n } };
    const body = encodeEntry({
      ...entryOf({ proto: 17, orig }),
      id,
      ...counters,
      state: undefined,
      master: undefined,
      labels: undefined,
      helper: undefined,
    });
    reader.append(new Block(body), 0, body.length);
  }
  return columns;
}

function rates(before: Columns, after: Columns, seconds: number): number[] {
  new CarriedBytes(before, 5_000).fillRates(after, 5_000 + seconds * 1000);
  return Array.from(after.rare.rate!.subarray(0, after.count));
}

test('a rate is the traffic between two readings, whatever the order of rows and the numbers of addresses', () => {
  const before = look(
    { orig: { ...V6, src: 'fd00::9' }, id: 9, bytes: 1n },
    { orig: V4, id: 1, bytes: 1_000n },
    { orig: V6, id: 2, bytes: 0n },
  );
  expect(rates(before, look({ orig: V6, id: 2, bytes: 500n }, { orig: V4, id: 1, bytes: 1_000n }), 2)).toEqual([2000, 0]);
});

test('a flow that began in between, a reused tuple, a reused id and a counter that was reset have no known rate', () => {
  const before = look({ orig: V4, id: 1, bytes: 100n }, { orig: V6, id: 2, bytes: 100n });
  expect(
    rates(
      before,
      look({ orig: V4, id: 7, bytes: 900n }, { orig: { ...V4, sport: 9 }, id: 1, bytes: 900n }, { orig: V6, id: 2, bytes: 50n }),
      1,
    ),
  ).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test('without counters no rate is known', () => {
  expect(rates(look({ orig: V4, id: 1 }), look({ orig: V4, id: 1 }), 1)).toEqual([Number.NaN]);
});

test('columns reused for another reading keep no rates of the previous one', () => {
  const columns = look({ orig: V4, id: 1, bytes: 1n });
  columns.ensure('rate')[0] = 8;
  columns.clear(1);
  expect(columns.rare.rate).toBeUndefined();
});
