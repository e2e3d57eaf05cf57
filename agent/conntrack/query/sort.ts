import type { SortField } from '../../../proto/model/sort.ts';
import { protocolName } from '../../../proto/model/protocol.ts';
import { NO_TIMEOUT, origShape, SHAPE, type Columns } from '../rows/columns.ts';
import { totalOf } from './compile-filter.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { idleOfRows } from '../idle/idle-rows.ts';
import { stateText } from '../wire/states.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The same value as sortValue of proto/model/sort.ts, from a row. */
export function rowSortValue(field: SortField, columns: Columns, surroundings: Surroundings): (row: number) => number | string | undefined {
  const { common } = columns;
  const { wans } = surroundings;
  switch (field) {
    case 'id':
      return (row) => common.id[row];
    case 'proto':
      return (row) => protocolName(common.proto[row]!);
    case 'state':
      return (row) => stateText(common.state[row]!);
    case 'src':
      return (row) => addressOrder(columns, row, common.origSrc);
    case 'dst':
      return (row) => addressOrder(columns, row, common.origDst);
    case 'nat':
      return (row) => addressOrder(columns, row, common.replyDst);
    case 'sport':
    case 'dport':
      return (row) => (origShape(common.shape[row]!) === SHAPE.ports ? common[field][row] : undefined);
    case 'wan': {
      const indexes = wans.ofRows(columns);
      return (row) => wans.names[indexes[row]!];
    }
    case 'age':
      return (row) => (Number.isNaN(common.startedAtMs[row]!) ? undefined : -common.startedAtMs[row]!);
    case 'idle': {
      const idle = idleOfRows(columns, surroundings);
      return (row) => (idle(row).atLeast === 0 && idle(row).atMost > 0 ? undefined : idle(row).atLeast);
    }
    case 'timeout':
      return (row) => (common.timeout[row] === NO_TIMEOUT ? undefined : common.timeout[row]);
    case 'bytes':
    case 'packets':
      return totalOf(columns, field);
    case 'mark':
      return (row) => common.mark[row];
  }
}

function addressOrder({ common: { family }, addresses6 }: Columns, row: number, side: Uint32Array): string {
  const address = side[row]!;
  if (family[row] === 4)
    return `4${HEX[address >>> 24]}${HEX[(address >>> 16) & 0xff]}${HEX[(address >>> 8) & 0xff]}${HEX[address & 0xff]}`;
  return addresses6.bytesOf(address).reduce((text, byte) => text + HEX[byte], '6');
}
