import type { Columns } from '../rows/columns.ts';
import type { Idle } from './idle.ts';
import { IntTable } from '../rows/int-table.ts';
import { tupleHash } from '../rows/rates.ts';

/** Flows that are watched at one time, 36 bytes each. What is beyond is bounded by its timeout alone. */
const MAX_WATCHED = 300_000;

/** A look at the table: when it began and ended, in milliseconds since 1970. */
export interface Look {
  beganAtMs: number;
  endedAtMs: number;
}

/**
 * When flows had their last packet, by what their counters said at one look after the other: for those of which the timeout does not say
 * it.
 * Holds what the last look saw; a flow that ended is forgotten with the next.
 */
export class Activity {
  #rowOf = new IntTable();
  #size = 0;
  #tuples = new Int32Array(0);
  #packets = new Float64Array(0);
  /** The last packet came not before and not after these. */
  #notBeforeMs = new Float64Array(0);
  #notAfterMs = new Float64Array(0);
  #look: Look | undefined;

  /** Takes a look at these rows of a whole table. */
  note(columns: Columns, rows: Uint32Array, look: Look): void {
    const { common, rare } = columns;
    const { origPackets, replyPackets } = rare;
    const most = origPackets && replyPackets ? Math.min(rows.length, MAX_WATCHED) : 0;
    const [rowOf, tuples, packets] = [new IntTable(most), new Int32Array(most), new Float64Array(most)];
    const [notBefore, notAfter] = [new Float64Array(most), new Float64Array(most)];
    let size = 0;
    for (let index = 0; size < most && index < rows.length; index++) {
      const row = rows[index]!;
      const carried = origPackets![row]! + replyPackets![row]!;
      if (Number.isNaN(carried)) continue;
      [tuples[size], packets[size]] = [tupleHash(columns, row), carried];
      const before = this.#find(common.id[row]!, tuples[size]!);
      const isSame = before >= 0 && this.#packets[before] === carried;
      // Counters that went back were set to zero by somebody, and say nothing of before.
      notBefore[size] = isSame
        ? this.#notBeforeMs[before]!
        : before >= 0 && this.#packets[before]! < carried
          ? this.#look!.beganAtMs
          : -Infinity;
      notAfter[size] = isSame ? this.#notAfterMs[before]! : look.endedAtMs;
      rowOf.set(common.id[row]!, size++);
    }
    [this.#rowOf, this.#tuples, this.#packets, this.#notBeforeMs, this.#notAfterMs] = [rowOf, tuples, packets, notBefore, notAfter];
    [this.#size, this.#look] = [size, look];
  }

  /** Nothing need be watched any more. */
  forget(): void {
    if (this.#size > 0) this.note(NO_ROWS, new Uint32Array(0), { beganAtMs: 0, endedAtMs: 0 });
  }

  /**
   * Makes what is known of a row's last packet narrower, from what it has carried at `atMs`. Where timeouts say otherwise, counters are
   * believed.
   */
  narrow(columns: Columns, row: number, atMs: number, idle: Idle): Idle {
    if (this.#size === 0) return idle;
    const { origPackets, replyPackets } = columns.rare;
    const before = this.#find(columns.common.id[row]!, tupleHash(columns, row));
    const carried = before >= 0 && origPackets && replyPackets ? origPackets[row]! + replyPackets[row]! : Number.NaN;
    if (!(carried >= this.#packets[before]!)) return idle;
    const isSame = this.#packets[before] === carried;
    const atLeast = isSame ? Math.max(0, Math.floor((atMs - this.#notAfterMs[before]!) / 1000)) : 0;
    const atMost = Math.max(atLeast, Math.ceil((atMs - (isSame ? this.#notBeforeMs[before]! : this.#look!.beganAtMs)) / 1000));
    const isContradicted = atLeast > idle.atMost || atMost < idle.atLeast;
    idle.atLeast = isContradicted ? atLeast : Math.max(atLeast, idle.atLeast);
    idle.atMost = isContradicted ? atMost : Math.min(atMost, idle.atMost);
    return idle;
  }

  /** Ids may collide; the tuple then says whether it is the one. */
  #find(id: number, tuple: number): number {
    const row = this.#size === 0 ? -1 : this.#rowOf.get(id);
    return row >= 0 && this.#tuples[row] === tuple ? row : -1;
  }
}

const NO_ROWS = { common: { id: new Uint32Array(0) }, rare: {} } as Columns;
