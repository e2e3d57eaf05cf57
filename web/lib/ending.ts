/** Whoever supervises us waits 5 s or more before it kills. */
const STOP_MS = 3500;
/** As of a shell: 128 and the number of the signal. */
const CODES = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Ends the process a while after it was asked to: Next waits for every request under way, and a stream of events, or a controller that does
 * not answer, has no end.
 */
export function endInTime(): void {
  for (const [signal, code] of Object.entries(CODES))
    process.once(signal, () => void setTimeout(() => process.exit(code), STOP_MS).unref());
}
