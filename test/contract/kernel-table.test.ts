import { afterAll, beforeAll, describe } from 'vitest';
import { KernelTable } from '../../agent/conntrack/kernel-table.ts';
import { createEntries } from '../support/create-entries.ts';
import { Namespace } from '../support/namespace.ts';
import { describeConntrackTable } from './conntrack-table.ts';

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

  describeConntrackTable('kernel table', { table: () => table, create: createEntries, clear: () => { namespace.run('conntrack', '-F'); } });
});
