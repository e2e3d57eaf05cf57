import { PROGRAMS, type Program } from './fleet-cost.ts';

/** A row of the benchmark; `target` is the most that is good, unless `isAtLeast`. */
export interface FleetRow {
  name: string;
  size: string;
  ours: number;
  theirs?: number;
  target?: number;
  isAtLeast?: boolean;
}

/** Prints rows as they come, and remembers whether one missed its target. */
export class FleetReport {
  readonly #isJson: boolean;
  hasMissed = false;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  row({ name, size, ours, theirs, target, isAtLeast = false }: FleetRow): void {
    const ok = target === undefined || (isAtLeast ? ours >= target : ours <= target);
    if (!ok) this.hasMissed = true;
    const ratio = theirs === undefined || theirs === 0 ? null : Number((ours / theirs).toPrecision(3));
    const row = {
      bench: 'fleet',
      name,
      size,
      ours: rounded(ours),
      theirs: theirs === undefined ? null : rounded(theirs),
      ratio,
      target: target ?? null,
      ok,
    };
    if (this.#isJson) return console.log(JSON.stringify(row));
    const verdict = target === undefined ? '' : `  ${ok ? 'within' : 'MISSES'} ${isAtLeast ? 'at least ' : ''}${target}`;
    console.log(`${name} (${size}): ${row.ours}${row.theirs === null ? '' : ` beside ${row.theirs}`}${verdict}`);
  }

  /** Shares of a core that each program used while something was measured. */
  shares(what: string, size: string, shares: Record<Program, number>, controllerTarget?: number): void {
    for (const program of PROGRAMS)
      this.row({
        name: `${what}: cores used by ${program}`,
        size,
        ours: shares[program],
        target: program === 'controller' ? controllerTarget : undefined,
      });
  }

  note(text: string): void {
    if (!this.#isJson) console.log(text);
  }
}

export function at(values: readonly number[], percent: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * percent) / 100))] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
