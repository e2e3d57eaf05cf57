/**
 * What an agent says, made fit to keep. An agent may be broken or hostile: each time, number and text that it sends passes here before it
 * reaches
 * Postgres or a page. A time that no honest clock shows is no time at all; numbers are cut to what the columns hold; texts to their length.
 */
const DAY_MS = 86_400_000;
const OLDEST_MS = 400 * DAY_MS;
const NEWEST_MS = DAY_MS;

/** More entries than any table holds. So many of each of a hundred thousand gateways still add up to an exact number. */
export const MAX_FLOWS_OF_TABLE = 2 ** 36;
/** What a column of type INTEGER holds. */
const MAX_INT32 = 0x7fff_ffff;

/** A time of the last 400 days or of the day that comes; undefined for any other, and for none. */
export function timeFrom(ms: bigint | undefined, nowMs: number): Date | undefined {
  if (ms === undefined) return undefined;
  const value = Number(ms);
  return value >= nowMs - OLDEST_MS && value <= nowMs + NEWEST_MS ? new Date(value) : undefined;
}

/** A number of flows; 0 for less than none, MAX_FLOWS_OF_TABLE for more than any table has. */
export function flowsFrom(value: bigint | number): number {
  return clamp(Number(value), MAX_FLOWS_OF_TABLE);
}

/** A counter that only rises; the largest exact number for one beyond it. */
export function counterFrom(value: bigint | number): number {
  return clamp(Number(value), Number.MAX_SAFE_INTEGER);
}

/** A whole number for a column of type INTEGER. */
export function int32From(value: number): number {
  return clamp(value, MAX_INT32);
}

/**
 * Any number with a fraction that is not less than none, cut to what still adds up; undefined for NaN, infinity and what is not told. A sum of
 * the largest doubles is an error in Postgres.
 */
export function rateFrom(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) && value >= 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : undefined;
}

/** At most `max` characters. Postgres keeps no NUL and JSON no half of a pair: both become U+FFFD. */
export function textFrom(text: string, max: number): string {
  return text.slice(0, max).replaceAll('\0', '\uFFFD').toWellFormed();
}

/** Counts by name, of at most `maxNames` names. */
export function countsFrom(counts: Readonly<Record<string, bigint | number>>, maxNames: number): Record<string, number> {
  const kept = new Map<string, number>();
  for (const name in counts) {
    if (kept.size >= maxNames) break;
    kept.set(textFrom(name, MAX_NAME), flowsFrom(counts[name]!));
  }
  return Object.fromEntries(kept);
}

const MAX_NAME = 200;

function clamp(value: number, max: number): number {
  return Number.isNaN(value) ? 0 : Math.trunc(Math.min(Math.max(value, 0), max));
}
