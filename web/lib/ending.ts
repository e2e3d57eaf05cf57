/** Supervisors wait 5 s or more before they kill. */
const STOP_MS = 3500;
/** As in a shell: 128 plus the signal number. */
const CODES = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Ends the process some time after a signal: Next waits for every request in progress, and an event stream, or a request to a controller
 * that does not answer, never ends.
 */
export function endInTime(): void {
  for (const [signal, code] of Object.entries(CODES))
    process.once(signal, () => void setTimeout(() => process.exit(code), STOP_MS).unref());
}
