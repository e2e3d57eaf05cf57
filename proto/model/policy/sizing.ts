import { TABLE_RANGE } from './limits.ts';

/** Of an entry with usual extensions, where nobody has measured it. */
export const USUAL_BYTES_PER_ENTRY = 350;
/** Room above the most that was seen or is reckoned with. */
export const HEADROOM = 1.5;
/** Entries for each bucket when the table is full. */
const ENTRIES_PER_BUCKET = 4;
/** The kernel allocates buckets by pages: so many of them, each a pointer. */
const BUCKETS_PER_PAGE = 512;
const BYTES_PER_BUCKET = 8;
const MEBIBYTE = 1024 * 1024;

/** What a table has to hold at its busiest. */
export interface Demand {
  flows: number;
  /** As measured on the gateway. */
  bytesPerEntry?: number;
}

export interface TableSize {
  max: number;
  buckets: number;
  /** Of a full table with its buckets. */
  bytes: number;
  bytesPerEntry: number;
  isMeasured: boolean;
}

/**
 * The table for a demand: half as much again, a quarter of that in buckets as whole pages, and the entries that so many buckets are for.
 * Never less than the smallest table nor more than a kernel counts.
 */
export function sizeFor({ flows, bytesPerEntry }: Demand): TableSize {
  const wanted = Math.ceil(Math.max(0, flows) * HEADROOM);
  const pages = Math.max(1, Math.ceil(wanted / ENTRIES_PER_BUCKET / BUCKETS_PER_PAGE));
  const max = Math.min(TABLE_RANGE.max.to, pages * BUCKETS_PER_PAGE * ENTRIES_PER_BUCKET);
  const buckets = Math.min(TABLE_RANGE.buckets.to, max / ENTRIES_PER_BUCKET);
  const each = bytesPerEntry ?? USUAL_BYTES_PER_ENTRY;
  return { max, buckets, bytes: max * each + buckets * BYTES_PER_BUCKET, bytesPerEntry: each, isMeasured: bytesPerEntry !== undefined };
}

/** The most entries of a history, and when; undefined without any. `countMax` is the most within its interval. */
export function peakOf<T extends { countMax: number }>(points: readonly T[]): T | undefined {
  return points.reduce<T | undefined>((most, point) => (most === undefined || point.countMax > most.countMax ? point : most), undefined);
}

/** Rounded up, since the kernel never swaps it out. */
export function mebibytes(bytes: number): number {
  return Math.ceil(bytes / MEBIBYTE);
}
