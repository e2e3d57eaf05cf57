import { Columns } from './columns.ts';
import { orAbsent } from './compile.ts';
import { isSameEntry } from './identity.ts';
import { findBodies } from './kernel-commands.ts';
import type { FlowIdentity } from './table.ts';
import { RowReader } from './wire/row-reader.ts';
import { Block } from './wire/words.ts';

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
