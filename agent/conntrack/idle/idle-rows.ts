import type { Activity } from './activity.ts';
import { NO_TIMEOUT, type Columns } from '../rows/columns.ts';
import { idleFrom, possibleTimeouts, type Idle, type PossibleTimeout, type TimeoutSource } from './idle.ts';
import { stateText } from '../wire/states.ts';

/** The inputs that idle times of rows depend on. */
export interface IdleSurroundings {
  nowMs: number;
  sources: readonly TimeoutSource[];
  /** Entries may come from another gateway (conntrackd), with timeouts that it chose. */
  isSynced: boolean;
  /** Earlier readings of the counters. */
  activity?: Activity;
}

/** What is known about the last packet of a row. The object is reused for all rows: read it before the next call. */
export type RowIdle = (row: number) => Idle;

/** How long the flows of rows have been idle: from the columns if they are filled, else from timeouts and counters. */
export function idleOfRows(columns: Columns, surroundings: IdleSurroundings): RowIdle {
  const { idleFrom: from, idleTo: to } = columns.rare;
  const result: Idle = { atLeast: 0, atMost: Infinity };
  if (from && to) {
    return (row) => {
      [result.atLeast, result.atMost] = [from[row]!, to[row]!];
      return result;
    };
  }
  const { activity, nowMs } = surroundings;
  const byTimeout = idleByTimeout(columns, surroundings, result);
  if (!activity) return byTimeout;
  return (row) => {
    const idle = byTimeout(row);
    return idle.atLeast === idle.atMost ? idle : activity.narrow(columns, row, nowMs, idle);
  };
}

/** The rows whose timeouts alone do not say when their last packet was. */
export function rowsToWatch(columns: Columns, surroundings: IdleSurroundings): Uint32Array {
  const idle = idleByTimeout(columns, surroundings, { atLeast: 0, atMost: Infinity });
  const rows = new Uint32Array(columns.count);
  let count = 0;
  for (let row = 0; row < columns.count; row++) {
    const { atLeast, atMost } = idle(row);
    if (atLeast !== atMost) rows[count++] = row;
  }
  return rows.subarray(0, count);
}

function idleByTimeout({ common, rare, helpers }: Columns, { sources, isSynced, nowMs }: IdleSurroundings, result: Idle): RowIdle {
  const { proto, state, status, tcpFlags, timeout, startedAtMs } = common;
  const { origPackets, replyPackets, helper } = rare;
  // As far as timeouts go, a table of a million rows has a few dozen kinds of row.
  const kinds = new Map<number, PossibleTimeout[]>();
  const facts = { remaining: 0 as number | undefined, startedAtMs: undefined as number | undefined, atMs: nowMs };
  return (row) => {
    const carried = origPackets && replyPackets ? origPackets[row]! + replyPackets[row]! : Number.NaN;
    const hadNoPacket = carried === 0 || (isSynced && Number.isNaN(carried));
    const helperIndex = helper ? (helper[row]! >= 0 ? helper[row]! : -1) : -1;
    const kind =
      ((((proto[row]! * 0x1_0000 + (status[row]! & 0xffff)) * 0x400 + state[row]!) * 0x100 + tcpFlags[row]!) * 2 + Number(hadNoPacket)) *
        0x40 +
      Math.min(helperIndex + 1, 0x3f);
    let possible = kinds.get(kind);
    if (!possible) {
      possible = possibleTimeouts(
        {
          proto: proto[row]!,
          state: stateText(state[row]!),
          status: status[row]!,
          tcpFlags: tcpFlags[row]!,
          helper: helpers[helperIndex],
          hadNoPacket,
        },
        sources,
      );
      kinds.set(kind, possible);
    }
    facts.remaining = timeout[row] === NO_TIMEOUT ? undefined : timeout[row];
    facts.startedAtMs = Number.isNaN(startedAtMs[row]!) ? undefined : startedAtMs[row];
    return idleFrom(possible, facts, result);
  };
}
