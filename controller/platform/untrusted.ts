/**
 * Sanitises values from agents. An agent may be broken or hostile: each time, number and text that it sends passes here before it reaches
 * Postgres or a page. A time that no honest clock shows is dropped; numbers are clamped to what the columns hold; texts are cut to their
 * length.
 */
const DAY_MS = 86_400_000;
const OLDEST_MS = 400 * DAY_MS;
const NEWEST_MS = DAY_MS;

/** More entries than any table holds. Even for a hundred thousand gateways, this many each add up to an exact number. */
export const MAX_FLOWS_OF_TABLE = 2 ** 36;
/** The maximum of an INTEGER column. */
const MAX_INT32 = 0x7fff_ffff;

/** A time within the last 400 days or the next day; undefined for any other, and if absent. */
export function timeFrom(ms: bigint | undefined, nowMs: number): Date | undefined {
  if (ms === undefined) return undefined;
  const value = Number(ms);
  return value >= nowMs - OLDEST_MS && value <= nowMs + NEWEST_MS ? new Date(value) : undefined;
}

/** A number of flows, clamped to 0 … MAX_FLOWS_OF_TABLE. */
export function flowsFrom(value: bigint | number): number {
  return clamp(Number(value), MAX_FLOWS_OF_TABLE);
}

/** A counter that only rises, clamped to the largest exact number. */
export function counterFrom(value: bigint | number): number {
  return clamp(Number(value), Number.MAX_SAFE_INTEGER);
}

/** An integer for an INTEGER column. */
export function int32From(value: number): number {
  return clamp(value, MAX_INT32);
}

/**
 * A number with a fraction, clamped so that sums stay valid; undefined for negative values, NaN, infinity and absent values. A sum of the
 * largest doubles is an error in Postgres.
 */
export function rateFrom(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) && value >= 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : undefined;
}

/** At most `max` characters. Postgres stores no NUL and JSON no lone surrogate: both become U+FFFD. */
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
