import { describe, expect, test } from 'vitest';
import { afterLook, ignoring, newBook, type DriftBook } from './drift-book.ts';
import { isOfTable, type FoundDrift } from './found-drift.ts';

const MINUTE_MS = 60_000;
const TABLE = { path: 'table', wanted: 'inet ctfleet_policy' };
const look = (
  book: DriftBook,
  now: number,
  { left = [], setAgain = [], process }: { left?: FoundDrift[]; setAgain?: FoundDrift[]; process?: string },
): DriftBook => afterLook(book, { left, setAgain, now, isOfTable, ...(process !== undefined && { process }) });
const fresh = newBook('change', 'boot net');

describe('a look at a gateway', () => {
  test('that finds nothing new changes nothing', () => {
    const book = look(fresh, 1000, { left: [{ path: 'accounting', wanted: 'true', actual: 'false' }] });
    expect(look(book, 9000, { left: [{ path: 'accounting', wanted: 'true', actual: 'false' }] })).toBe(book);
    expect(look(fresh, 9000, {})).toBe(fresh);
  });

  test('gives what differs otherwise now the name of who did that, and takes what was decided about it back', () => {
    const before = ignoring(look(fresh, 1, { left: [{ path: 'rules.a', actual: 'x' }], process: 'nft (pid 1)' }), ['rules.a']);
    expect(before.open[0]).toMatchObject({ isIgnored: true });
    const after = look(before, 2, { left: [{ path: 'rules.a', actual: 'y' }], process: 'nft (pid 2)' });
    expect(after.open).toEqual([{ path: 'rules.a', actual: 'y', since: 1, process: 'nft (pid 2)' }]);
  });

  test('keeps the last of each path that is over, and of a hundred paths at most', () => {
    const paths = Array.from({ length: 150 }, (_, n) => ({ path: `rules.${n}`, actual: 'x' }));
    const book = look(look(fresh, 1, { left: paths }), 2, {});
    expect([book.open, book.past.length]).toEqual([[], 100]);
    const again = look(look(book, 3, { left: [{ path: 'rules.0', actual: 'z' }] }), 4, {});
    expect(again.past.filter(({ path }) => path === 'rules.0')).toEqual([{ path: 'rules.0', actual: 'z', since: 3, overAt: 4 }]);
  });

  test('keeps two hundred that are open, with texts of a thousand characters', () => {
    const many = Array.from({ length: 300 }, (_, n) => ({ path: `rules.${n}`, actual: '😀'.repeat(1000) }));
    const { open } = look(fresh, 1, { left: many });
    expect([open.length, open[0]!.actual!.length, open[0]!.actual!.isWellFormed()]).toEqual([200, 1000, true]);
  });
});

describe('what is set again each time', () => {
  test('is one change for as long as the same program does it, and noted once a minute', () => {
    let book = look(fresh, 0, { setAgain: [TABLE], process: 'fw (pid 1)' });
    const first = book;
    book = look(book, 2000, { setAgain: [TABLE], process: 'fw (pid 2)' });
    expect(book).toBe(first);
    book = look(book, 2 * MINUTE_MS, { setAgain: [TABLE], process: 'fw (pid 3)' });
    expect(book.past).toEqual([{ ...TABLE, since: 0, process: 'fw (pid 3)', overAt: 2 * MINUTE_MS }]);
  });

  test('is another change if another program does it, if it is another value, or ten minutes later', () => {
    const book = look(fresh, 0, { setAgain: [TABLE], process: 'fw (pid 1)' });
    expect(look(book, 2000, { setAgain: [TABLE], process: 'nft (pid 2)' }).past[0]).toMatchObject({ since: 2000 });
    expect(look(book, 2000, { setAgain: [{ path: 'table', actual: 'x' }], process: 'fw (pid 1)' }).past[0]).toMatchObject({ since: 2000 });
    expect(look(book, 11 * MINUTE_MS, { setAgain: [TABLE], process: 'fw (pid 1)' }).past[0]).toMatchObject({ since: 11 * MINUTE_MS });
  });

  test('after it was left for a while is over, with since when it differed', () => {
    const book = look(fresh, 1, { left: [TABLE], process: 'nft (pid 1)' });
    const other = look(book, 4, { left: [{ path: 'table', actual: 'there is a map m' }], process: 'nft (pid 2)' });
    expect(look(other, 5, { setAgain: [TABLE], process: 'fw (pid 3)' }).past).toEqual([
      { ...TABLE, since: 5, process: 'fw (pid 3)', overAt: 5 },
    ]);
    expect(look(book, 5, { setAgain: [TABLE] })).toMatchObject({ open: [], past: [{ since: 1, process: 'nft (pid 1)', overAt: 5 }] });
  });
});
