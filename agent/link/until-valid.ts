import { X509Certificate } from 'node:crypto';

/** A clock that was wrong is noticed within this time after it was set. */
const CHECK_MS = 5000;

export interface UntilValidOptions {
  /** The agent's certificate, PEM; it may be another one by the time of the next look. */
  certificate: () => string;
  /** Milliseconds since 1970 by the wall clock, which TLS judges by: it is what gets set. */
  wallNow: () => number;
  delay: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told once why nothing is dialled, with how far the clock is behind. */
  onWait: (reason: string, behindMs: number) => void;
}

/**
 * Resolves once the certificate is valid by this machine's clock, or at once for what is no certificate; the session will say so. A machine
 * without a battery clock starts in the past, and waits for the time.
 */
export async function untilValid({ certificate, wallNow, delay, onWait }: UntilValidOptions, signal: AbortSignal): Promise<void> {
  for (let isTold = false; !signal.aborted; isTold = true) {
    const from = validFromOf(certificate());
    const behindMs = (from?.getTime() ?? 0) - wallNow();
    if (!from || behindMs <= 0) return;
    if (!isTold) onWait(`The clock of this machine is behind: its certificate is not valid before ${from.toISOString()}.`, behindMs);
    await delay(Math.min(behindMs, CHECK_MS), signal);
  }
}

function validFromOf(pem: string): Date | undefined {
  try {
    return new X509Certificate(pem).validFromDate;
  } catch {
    return undefined;
  }
}
