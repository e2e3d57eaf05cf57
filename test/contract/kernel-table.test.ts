import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { createEntries } from '../support/create-entries.ts';
import { Namespace } from '../support/namespace.ts';
import { createExpectations } from '../support/sample-expectations.ts';
import { SAMPLE_ENTRIES } from '../support/sample-entries.ts';
import { CONTEXT, describeConntrackTable } from './conntrack-table.ts';

const why = Namespace.why();

describe.skipIf(why !== undefined)(`kernel table${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;

  beforeAll(() => {
    namespace = Namespace.create('cta');
    leave = namespace.enter();
    table = new KernelTable();
  });
  afterAll(async () => {
    await table.close();
    leave();
    namespace.remove();
  });

  test('closing ends what is going on, and what is asked afterwards', async () => {
    createEntries(SAMPLE_ENTRIES);
    const other = new KernelTable();
    const query = { filter: { kind: 'everything' as const }, context: CONTEXT };
    const going = other.search({ ...query, limit: 1 }).catch((error: unknown) => error);
    await other.close();
    expect(await going).toMatchObject({ code: 'CANCELLED' });
    await expect(other.search({ ...query, limit: 1 })).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  describeConntrackTable({
    table: () => table,
    create: createEntries,
    expect: createExpectations,
    clear: () => {
      namespace.run('conntrack', '-F');
    },
  });
});
