/** Bytes and rows of one statement; a single row may be larger. */
const MAX_BYTES = 2 * 1024 * 1024;
const MAX_ROWS = 500;

/** Rows with bytes, in their order, as statements take them: a fleet of small parts in a few, and a large part in many. */
export function inBatches<Row extends { batch: Uint8Array }>(rows: readonly Row[]): Row[][] {
  const batches: Row[][] = [];
  let bytes = Infinity;
  for (const row of rows) {
    if (bytes + row.batch.length > MAX_BYTES || batches.at(-1)!.length >= MAX_ROWS) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(row);
    bytes += row.batch.length;
  }
  return batches;
}
