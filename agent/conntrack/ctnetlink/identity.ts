import { Columns } from '../rows/columns.ts';
import { orAbsent } from '../query/compile-filter.ts';
import { isSameEntry } from '../identity.ts';
import { findBodies } from './exchange.ts';
import type { FlowIdentity } from '../table.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block } from '../rows/block.ts';

/** Whether each of these is still the entry it was; see ConntrackTable.areThere. */
export function areThere(flows: readonly FlowIdentity[]): boolean[] {
  const columns = new Columns(1);
  const reader = new RowReader(columns);
  return findBodies(flows).map((body, index) => {
    if (!body) return false;
    columns.clear(1);
    reader.append(new Block(body), 0, body.length);
    return isSameEntry({ id: columns.common.id[0]!, startedAtMs: orAbsent(columns.common.startedAtMs[0]!) }, flows[index]!);
  });
}
