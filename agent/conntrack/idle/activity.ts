import type { Columns } from '../rows/columns.ts';
import type { Idle } from './idle.ts';
import { IntTable } from '../rows/int-table.ts';
import { tupleHash } from '../rows/rates.ts';

/** Flows watched at one time, 36 bytes each. Any further flow is bounded by its timeout alone. */
const MAX_WATCHED = 300_000;

/** One reading of the table: when it began and ended, in milliseconds since 1970. */
export interface Look {
  beganAtMs: number;
  endedAtMs: number;
}

/**
 * When flows had their last packet, from successive readings of their counters: for flows whose timeout does not say. Holds the last
 * reading; a flow that ended is forgotten with the next.
 */
export class Activity {
  #rowOf = new IntTable();
  #size = 0;
  #tuples = new Int32Array(0);
  #packets = new Float64Array(0);
  /** Bounds of the time of the last packet. */
  #notBeforeMs = new Float64Array(0);
  #notAfterMs = new Float64Array(0);
  #look: Look | undefined;

  /** Records a reading of these rows of a whole table. */
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
      // Counters that went back were reset by somebody, and say nothing about the time before.
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

  /** Stops watching all flows. */
  forget(): void {
    if (this.#size > 0) this.note(NO_ROWS, new Uint32Array(0), { beganAtMs: 0, endedAtMs: 0 });
  }

  /** Narrows the bounds of a row's last packet by its counters at `atMs`. Counters win where timeouts contradict them. */
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

  /** Ids may collide; the tuple's hash decides. */
  #find(id: number, tuple: number): number {
    const row = this.#size === 0 ? -1 : this.#rowOf.get(id);
    return row >= 0 && this.#tuples[row] === tuple ? row : -1;
  }
}

const NO_ROWS = { common: { id: new Uint32Array(0) }, rare: {} } as Columns;
