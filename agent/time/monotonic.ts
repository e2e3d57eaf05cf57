/** The monotonic clock in milliseconds, shared by all threads. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
