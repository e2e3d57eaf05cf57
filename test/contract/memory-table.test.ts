import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { describeConntrackTable } from './conntrack-table.ts';

let table = new MemoryTable({ now: Date.now });

describeConntrackTable({
  table: () => table,
  clear: () => {
    table = new MemoryTable({ now: Date.now });
  },
  expect: (expectations) => expectations.forEach((expectation) => table.expect(expectation)),
  create: (entries) => entries.forEach((entry) => table.insert(entry)),
});
