import { beforeEach, describe, expect, test } from 'vitest';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { filterOf } from '../../test/support/filter-of.ts';
import { MASTERS, SAMPLE_EXPECTATIONS } from '../../test/support/sample-expectations.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import type { Expectation } from '../conntrack/table.ts';
import { endExpectations, type EndingExpectations } from './end-expectations.ts';
import { OPEN_GUARD } from '../../test/support/open-guard.ts';

const never = new AbortController().signal;

describe('expectations that were listed', () => {
  let table: MemoryTable;
  let listed: (Expectation & { isPermanent: boolean })[];
  beforeEach(async () => {
    table = new MemoryTable({ now: () => 1_000_000 });
    for (const master of MASTERS) table.insert(master);
    for (const one of SAMPLE_EXPECTATIONS) table.expect(one);
    listed = (await table.expectations()).map((one) => ({ ...one, isPermanent: false }));
  });
  const deps = (over: Partial<EndingExpectations> = {}, protect?: FlowFilter): EndingExpectations => ({
    table,
    guard: OPEN_GUARD,
    context: () => ({ wans: [], protections: protect ? [{ reason: 'trunk', filter: protect }] : [] }),
    ...over,
  });
  const left = async (): Promise<number[]> => (await table.expectations()).map(({ id }) => id);

  test('are deleted, and no others', async () => {
    const [first, , third] = listed;
    expect(await endExpectations(deps(), [first!, third!], never)).toEqual({ deleted: 2, gone: 0, failed: 0 });
    expect(await left()).toEqual([listed[1]!.id, listed[3]!.id]);
  });

  test('have gone where they ended by themselves, or where another has their id', async () => {
    const [first, second, third] = listed;
    await table.deleteExpectations([first!]);
    const other = { ...third!, orig: { ...third!.orig, dport: 9 } };
    expect(await endExpectations(deps(), [first!, second!, other], never)).toEqual({ deleted: 1, gone: 2, failed: 0 });
    expect(await left()).toEqual([third!.id, listed[3]!.id]);
  });

  test('count as failed while they can still be read, whatever the kernel said', async () => {
    const lying = {
      expectations: () => table.expectations(),
      lookup: table.lookup.bind(table),
      deleteExpectations: async (keys: readonly unknown[]) => keys.map(() => 'deleted' as const),
    };
    expect(await endExpectations(deps({ table: lying }), listed.slice(0, 2), never)).toEqual({ deleted: 0, gone: 0, failed: 2 });
  });

  test('all stay where the guard lets nothing be deleted', async () => {
    const closed = () => {
      throw new FleetError('GUARD_REFUSED', 'readOnly');
    };
    const guard = { ...OPEN_GUARD, allowDeleting: closed };
    await expect(endExpectations(deps({ guard }), listed, never)).rejects.toThrow(expect.objectContaining({ code: 'GUARD_REFUSED' }));
    expect(await left()).toHaveLength(4);
  });

  test('all stay where a protected flow expects one of them, and the refusal says so', async () => {
    const asked = endExpectations(deps({}, filterOf('dport:5060')), listed, never);
    await expect(asked).rejects.toThrow(/a protected flow \(trunk\) expects 2 of these/);
    expect(await left()).toHaveLength(4);
    const others = listed.filter(({ helper }) => helper === 'ftp');
    expect(await endExpectations(deps({}, filterOf('dport:5060')), others, never)).toEqual({ deleted: 2, gone: 0, failed: 0 });
  });

  test('all stay where nobody waits for the answer any more', async () => {
    await expect(endExpectations(deps(), listed, AbortSignal.abort())).rejects.toThrow(/aborted/);
    expect(await left()).toHaveLength(4);
  });
});
