import { ColumnarTable } from '../../agent/conntrack/memory/columnar-table.ts';
import { StandingFlows } from '../../agent/conntrack/memory/standing-flows.ts';
import { Columns } from '../../agent/conntrack/rows/columns.ts';
import { describeConntrackTable } from './conntrack-table.ts';

const empty = (): ColumnarTable => new ColumnarTable({ now: Date.now, flows: new StandingFlows(new Columns(0)) });
let table = empty();

describeConntrackTable({
  table: () => table,
  clear: () => {
    table = empty();
  },
  expect: (expectations) => expectations.forEach((expectation) => table.expect(expectation)),
  create: (entries) => table.insert(entries),
});
